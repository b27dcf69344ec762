# The public names of this package, and where they are: see stormlog/_lazy.py.

from stormlog.phases.attribution import (
    attribute_active_spans as attribute_active_spans,
    merge_phase_attributions as merge_phase_attributions,
    phase_attribution_to_payload as phase_attribution_to_payload,
    summarize_phase_attribution as summarize_phase_attribution,
    summarize_phase_resolution as summarize_phase_resolution,
)
from stormlog.phases.models import (
    PHASE_ENTER_EVENT as PHASE_ENTER_EVENT,
    PHASE_EXIT_EVENT as PHASE_EXIT_EVENT,
    PHASE_SCOPE_ATTRIBUTES_KEY as PHASE_SCOPE_ATTRIBUTES_KEY,
    PHASE_SCOPE_METADATA_KEY as PHASE_SCOPE_METADATA_KEY,
    PhaseAttribution as PhaseAttribution,
    PhaseBoundaryRecord as PhaseBoundaryRecord,
    PhaseSpan as PhaseSpan,
    PhaseSummary as PhaseSummary,
    RankedBoundary as RankedBoundary,
    format_phase_path as format_phase_path,
)
from stormlog.phases.recorder import (
    PhaseBoundary as PhaseBoundary,
    PhaseHandle as PhaseHandle,
    PhaseProtocolError as PhaseProtocolError,
    PhaseRecorder as PhaseRecorder,
    PhaseToken as PhaseToken,
)
from stormlog.phases.replay import (
    PhaseReplayIndex as PhaseReplayIndex,
    is_phase_boundary_event as is_phase_boundary_event,
    parse_phase_boundary as parse_phase_boundary,
    replay_boundaries as replay_boundaries,
    resolve_phase_for_event as resolve_phase_for_event,
)
