"""Workload phases: record them while a job runs, rebuild them afterwards, attribute events to them."""

from __future__ import annotations

from stormlog._lazy import lazy_names

# Type checkers take this name for true; importing it from typing would cost more than all the rest.
TYPE_CHECKING = False

if TYPE_CHECKING:
    from stormlog.phases.attribution import (
        attribute_active_spans,
        merge_phase_attributions,
        phase_attribution_to_payload,
        summarize_phase_attribution,
        summarize_phase_resolution,
    )
    from stormlog.phases.models import (
        PHASE_ENTER_EVENT,
        PHASE_EXIT_EVENT,
        PHASE_SCOPE_ATTRIBUTES_KEY,
        PHASE_SCOPE_METADATA_KEY,
        PhaseAttribution,
        PhaseBoundaryRecord,
        PhaseSpan,
        PhaseSummary,
        RankedBoundary,
        format_phase_path,
    )
    from stormlog.phases.recorder import (
        PhaseBoundary,
        PhaseHandle,
        PhaseProtocolError,
        PhaseRecorder,
        PhaseToken,
    )
    from stormlog.phases.replay import (
        PhaseReplayIndex,
        is_phase_boundary_event,
        parse_phase_boundary,
        replay_boundaries,
        resolve_phase_for_event,
    )

__all__ = [
    "PHASE_ENTER_EVENT",
    "PHASE_EXIT_EVENT",
    "PHASE_SCOPE_ATTRIBUTES_KEY",
    "PHASE_SCOPE_METADATA_KEY",
    "PhaseAttribution",
    "PhaseBoundary",
    "PhaseBoundaryRecord",
    "PhaseHandle",
    "PhaseProtocolError",
    "PhaseRecorder",
    "PhaseReplayIndex",
    "PhaseSpan",
    "PhaseSummary",
    "PhaseToken",
    "RankedBoundary",
    "attribute_active_spans",
    "format_phase_path",
    "is_phase_boundary_event",
    "merge_phase_attributions",
    "parse_phase_boundary",
    "phase_attribution_to_payload",
    "replay_boundaries",
    "resolve_phase_for_event",
    "summarize_phase_attribution",
    "summarize_phase_resolution",
]

_MODULES = {
    "attribution": (
        "attribute_active_spans",
        "merge_phase_attributions",
        "phase_attribution_to_payload",
        "summarize_phase_attribution",
        "summarize_phase_resolution",
    ),
    "models": (
        "PHASE_ENTER_EVENT",
        "PHASE_EXIT_EVENT",
        "PHASE_SCOPE_ATTRIBUTES_KEY",
        "PHASE_SCOPE_METADATA_KEY",
        "PhaseAttribution",
        "PhaseBoundaryRecord",
        "PhaseSpan",
        "PhaseSummary",
        "RankedBoundary",
        "format_phase_path",
    ),
    "recorder": (
        "PhaseBoundary",
        "PhaseHandle",
        "PhaseProtocolError",
        "PhaseRecorder",
        "PhaseToken",
    ),
    "replay": (
        "PhaseReplayIndex",
        "is_phase_boundary_event",
        "parse_phase_boundary",
        "replay_boundaries",
        "resolve_phase_for_event",
    ),
}

if not TYPE_CHECKING:
    __getattr__, __dir__ = lazy_names(__name__, globals(), _MODULES)
