"""Workload phases: record them while a job runs, rebuild them afterwards, attribute events to them."""

from __future__ import annotations

from stormlog._lazy import lazy_names

# Type checkers take this name for true; importing it from typing would cost more than all the rest.
TYPE_CHECKING = False

if TYPE_CHECKING:
    from stormlog.phases.policy import (
        PhaseAttribution,
        PhaseSummary,
        attribute_active_spans,
        format_phase_path,
        merge_phase_attributions,
        phase_attribution_to_payload,
        resolve_phase_for_event,
        summarize_phase_attribution,
        summarize_phase_resolution,
    )
    from stormlog.phases.replay import (
        PhaseBoundaryRecord,
        PhaseReplayIndex,
        PhaseSpan,
        RankedBoundary,
        is_phase_boundary_event,
        parse_phase_boundary,
        replay_boundaries,
    )
    from stormlog.phases.runtime import (
        PHASE_ENTER_EVENT,
        PHASE_EXIT_EVENT,
        PHASE_SCOPE_ATTRIBUTES_KEY,
        PHASE_SCOPE_METADATA_KEY,
        PhaseBoundary,
        PhaseHandle,
        PhaseProtocolError,
        PhaseRecorder,
        PhaseToken,
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
    "policy": (
        "PhaseAttribution",
        "PhaseSummary",
        "attribute_active_spans",
        "format_phase_path",
        "merge_phase_attributions",
        "phase_attribution_to_payload",
        "resolve_phase_for_event",
        "summarize_phase_attribution",
        "summarize_phase_resolution",
    ),
    "replay": (
        "PhaseBoundaryRecord",
        "PhaseReplayIndex",
        "PhaseSpan",
        "RankedBoundary",
        "is_phase_boundary_event",
        "parse_phase_boundary",
        "replay_boundaries",
    ),
    "runtime": (
        "PHASE_ENTER_EVENT",
        "PHASE_EXIT_EVENT",
        "PHASE_SCOPE_ATTRIBUTES_KEY",
        "PHASE_SCOPE_METADATA_KEY",
        "PhaseBoundary",
        "PhaseHandle",
        "PhaseProtocolError",
        "PhaseRecorder",
        "PhaseToken",
    ),
}

if not TYPE_CHECKING:
    __getattr__, __dir__ = lazy_names(__name__, globals(), _MODULES)
