# The public names of this package, and where they are: see stormlog/_lazy.py.

from stormlog.issues.classification import (
    event_backend as event_backend,
    event_severity as event_severity,
    is_alert_event as is_alert_event,
    is_collector_degradation_event as is_collector_degradation_event,
    is_oom_event as is_oom_event,
    issue_kind_of_event as issue_kind_of_event,
)
from stormlog.issues.evidence import (
    IssueEvidenceLink as IssueEvidenceLink,
    LazyEvidence as LazyEvidence,
)
from stormlog.issues.gap_models import (
    DEFAULT_GAP_THRESHOLDS as DEFAULT_GAP_THRESHOLDS,
    GapClassification as GapClassification,
    GapFinding as GapFinding,
    GapMoments as GapMoments,
)
from stormlog.issues.gaps import (
    analyze_hidden_memory_gaps as analyze_hidden_memory_gaps,
)
from stormlog.issues.kinds import (
    ISSUE_KINDS as ISSUE_KINDS,
    IssueKind as IssueKind,
    severity_rank as severity_rank,
)
from stormlog.issues.models import (
    ISSUE_FINGERPRINT_SCHEMA_VERSION as ISSUE_FINGERPRINT_SCHEMA_VERSION,
    IssueFingerprint as IssueFingerprint,
    StormlogIssue as StormlogIssue,
)
from stormlog.issues.normalize import (
    categorize_alert_context as categorize_alert_context,
    freeze_dimensions as freeze_dimensions,
    json_safe_dimensions as json_safe_dimensions,
    normalize_dimensions as normalize_dimensions,
    normalize_text_dimension as normalize_text_dimension,
    normalized_error_stem as normalized_error_stem,
)
from stormlog.issues.state import (
    ISSUE_STATES as ISSUE_STATES,
    ISSUE_STATE_IGNORED as ISSUE_STATE_IGNORED,
    ISSUE_STATE_OPEN as ISSUE_STATE_OPEN,
    ISSUE_STATE_REGRESSED as ISSUE_STATE_REGRESSED,
    ISSUE_STATE_RESOLVED as ISSUE_STATE_RESOLVED,
    IssueState as IssueState,
    normalize_issue_state as normalize_issue_state,
)
from stormlog.issues.timestamps import (
    datetime_to_ns as datetime_to_ns,
    parse_datetime as parse_datetime,
    utc_text_to_ns as utc_text_to_ns,
)
from stormlog.issues.ignoring import (
    IgnoreRule as IgnoreRule,
    ignore_rule_of as ignore_rule_of,
    ignore_rules_of as ignore_rules_of,
    ignoring_rule as ignoring_rule,
    is_fingerprint_id as is_fingerprint_id,
    may_be_ignored as may_be_ignored,
)
