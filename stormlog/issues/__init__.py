"""Issues: what counts as a hit, which hits are the same issue, and how to describe it.

Works without DuckDB; `stormlog.query` answers the same questions for whole captures.
"""

from __future__ import annotations

from stormlog._lazy import lazy_names

# Type checkers take this name for true; importing it from typing would cost more than all the rest.
TYPE_CHECKING = False

if TYPE_CHECKING:
    from stormlog.issues.classification import (
        event_backend,
        event_severity,
        is_alert_event,
        is_collector_degradation_event,
        is_oom_event,
        issue_kind_of_event,
    )
    from stormlog.issues.evidence import (
        IssueEvidenceLink,
        LazyEvidence,
    )
    from stormlog.issues.gap_models import (
        DEFAULT_GAP_THRESHOLDS,
        GapClassification,
        GapFinding,
        GapMoments,
    )
    from stormlog.issues.gaps import (
        analyze_hidden_memory_gaps,
    )
    from stormlog.issues.kinds import ISSUE_KINDS, IssueKind, severity_rank
    from stormlog.issues.models import (
        ISSUE_FINGERPRINT_SCHEMA_VERSION,
        IssueFingerprint,
        StormlogIssue,
    )
    from stormlog.issues.normalize import (
        categorize_alert_context,
        freeze_dimensions,
        json_safe_dimensions,
        normalize_dimensions,
        normalize_text_dimension,
        normalized_error_stem,
    )
    from stormlog.issues.state import (
        ISSUE_STATE_IGNORED,
        ISSUE_STATE_OPEN,
        ISSUE_STATE_REGRESSED,
        ISSUE_STATE_RESOLVED,
        ISSUE_STATES,
        IssueState,
        normalize_issue_state,
    )
    from stormlog.issues.timestamps import (
        datetime_to_ns,
        parse_datetime,
        utc_text_to_ns,
    )

__all__ = [
    "DEFAULT_GAP_THRESHOLDS",
    "ISSUE_FINGERPRINT_SCHEMA_VERSION",
    "ISSUE_KINDS",
    "ISSUE_STATES",
    "ISSUE_STATE_IGNORED",
    "ISSUE_STATE_OPEN",
    "ISSUE_STATE_REGRESSED",
    "ISSUE_STATE_RESOLVED",
    "GapClassification",
    "GapFinding",
    "GapMoments",
    "IssueEvidenceLink",
    "IssueFingerprint",
    "IssueKind",
    "IssueState",
    "LazyEvidence",
    "StormlogIssue",
    "analyze_hidden_memory_gaps",
    "categorize_alert_context",
    "datetime_to_ns",
    "event_backend",
    "event_severity",
    "freeze_dimensions",
    "is_alert_event",
    "is_collector_degradation_event",
    "is_oom_event",
    "issue_kind_of_event",
    "json_safe_dimensions",
    "normalize_dimensions",
    "normalize_issue_state",
    "normalize_text_dimension",
    "normalized_error_stem",
    "parse_datetime",
    "severity_rank",
    "utc_text_to_ns",
]

_MODULES = {
    "classification": (
        "event_backend",
        "event_severity",
        "is_alert_event",
        "is_collector_degradation_event",
        "is_oom_event",
        "issue_kind_of_event",
    ),
    "evidence": (
        "IssueEvidenceLink",
        "LazyEvidence",
    ),
    "gap_models": (
        "DEFAULT_GAP_THRESHOLDS",
        "GapClassification",
        "GapFinding",
        "GapMoments",
    ),
    "gaps": ("analyze_hidden_memory_gaps",),
    "kinds": ("ISSUE_KINDS", "IssueKind", "severity_rank"),
    "models": (
        "ISSUE_FINGERPRINT_SCHEMA_VERSION",
        "IssueFingerprint",
        "StormlogIssue",
    ),
    "normalize": (
        "categorize_alert_context",
        "freeze_dimensions",
        "json_safe_dimensions",
        "normalize_dimensions",
        "normalize_text_dimension",
        "normalized_error_stem",
    ),
    "state": (
        "ISSUE_STATES",
        "ISSUE_STATE_IGNORED",
        "ISSUE_STATE_OPEN",
        "ISSUE_STATE_REGRESSED",
        "ISSUE_STATE_RESOLVED",
        "IssueState",
        "normalize_issue_state",
    ),
    "timestamps": (
        "datetime_to_ns",
        "parse_datetime",
        "utc_text_to_ns",
    ),
}

if not TYPE_CHECKING:
    __getattr__, __dir__ = lazy_names(__name__, globals(), _MODULES)
