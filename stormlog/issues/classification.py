"""Says which kind of issue an event is a hit of; the SQL views say the same for whole files.

Promise: an event counts for one kind at most, whatever it carries.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from stormlog.issues.kinds import IssueKind
from stormlog.issues.normalize import normalize_text_dimension

_ALERT_WORDS: Final = frozenset({"warning", "critical", "error"})
_DEGRADED_STATUSES: Final = frozenset({"degraded", "unhealthy"})


def is_oom_event(event: Any) -> bool:
    """Return whether an event (object or mapping) reports an out-of-memory error.

    The keys count, not their values: an OOM of unknown reason is still an OOM.
    """
    metadata = _metadata(event)
    return _event_type(event) == "error" and ("oom_reason" in metadata or "oom_dump_path" in metadata)


def is_collector_degradation_event(event: Any) -> bool:
    """Return whether an event says that its collector does not deliver everything."""
    if _event_type(event) == "collector_degraded":
        return True
    return normalize_text_dimension(_metadata(event).get("collector_health_status")) in _DEGRADED_STATUSES


def is_alert_event(event: Any) -> bool:
    """Return whether an event is an alert by its type or by the severity in its metadata."""
    if _event_type(event) in _ALERT_WORDS:
        return True
    return normalize_text_dimension(_metadata(event).get("severity")) in _ALERT_WORDS


def issue_kind_of_event(event: Any) -> IssueKind | None:
    """Return the kind of issue that an event is a hit of; the most specific kind wins.

    Source: docs/concepts.md#issues.
    """
    if is_oom_event(event):
        return "oom"
    if is_collector_degradation_event(event):
        return "collector_degradation"
    return "alert" if is_alert_event(event) else None


def event_severity(event: Any) -> str:
    """Return the severity of an event: the word in its metadata, else what its type implies."""
    stated = _metadata(event).get("severity")
    if isinstance(stated, str) and stated.strip():
        return normalize_text_dimension(stated)
    event_type = _event_type(event)
    if event_type in ("critical", "error"):
        return "critical"
    return "warning" if event_type == "warning" else "info"


def event_backend(event: Any) -> str:
    """Return the normalised backend of an event, ``unknown`` where it names none."""
    return normalize_text_dimension(_metadata(event).get("backend"))


def _event_type(event: Any) -> str | None:
    value = event.get("event_type") if isinstance(event, Mapping) else getattr(event, "event_type", None)
    return value if isinstance(value, str) else None


def _metadata(event: Any) -> Mapping[str, Any]:
    value = event.get("metadata") if isinstance(event, Mapping) else getattr(event, "metadata", None)
    return value if isinstance(value, Mapping) else {}
