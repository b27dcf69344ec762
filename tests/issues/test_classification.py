"""Each event is a hit of one kind at most; types count as written, metadata words as normalised."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from stormlog.issues import (
    event_backend,
    event_severity,
    is_alert_event,
    is_collector_degradation_event,
    is_oom_event,
    issue_kind_of_event,
)

ROWS: list[tuple[str, str, dict[str, Any], str | None, str]] = [
    # name, event type, metadata, kind, severity
    ("oom by reason", "error", {"oom_reason": "x"}, "oom", "critical"),
    ("oom of unknown reason", "error", {"oom_reason": None}, "oom", "critical"),
    ("oom by dump", "error", {"oom_dump_path": ""}, "oom", "critical"),
    ("oom reason on a warning", "warning", {"oom_reason": "x"}, "alert", "warning"),
    (
        "oom while degraded",
        "error",
        {"oom_reason": "x", "collector_health_status": "degraded"},
        "oom",
        "critical",
    ),
    ("degraded by type", "collector_degraded", {}, "collector_degradation", "info"),
    (
        "degraded but healthy",
        "collector_degraded",
        {"collector_health_status": "healthy"},
        "collector_degradation",
        "info",
    ),
    (
        "degraded by status",
        "sample",
        {"collector_health_status": " Degraded "},
        "collector_degradation",
        "info",
    ),
    (
        "warning while unhealthy",
        "warning",
        {"collector_health_status": "unhealthy"},
        "collector_degradation",
        "warning",
    ),
    ("recovered", "collector_recovered", {"collector_health_status": "healthy"}, None, "info"),
    ("warning", "warning", {}, "alert", "warning"),
    ("critical", "critical", {}, "alert", "critical"),
    ("error", "error", {}, "alert", "critical"),
    ("type in another case", "Warning", {}, None, "info"),
    ("alert by severity", "sample", {"severity": " ERROR "}, "alert", "error"),
    ("info warning", "warning", {"severity": "info"}, "alert", "info"),
    ("open vocabulary", "warning", {"severity": "Page 3"}, "alert", "page <num>"),
    ("blank severity", "critical", {"severity": "  "}, "alert", "critical"),
    ("severity that is no text", "warning", {"severity": 7}, "alert", "warning"),
    ("plain sample", "sample", {}, None, "info"),
]


@pytest.mark.parametrize("wrap", [dict, lambda row: SimpleNamespace(**row)], ids=["mapping", "object"])
@pytest.mark.parametrize(
    ("name", "event_type", "metadata", "kind", "severity"), ROWS, ids=[r[0] for r in ROWS]
)
def test_classification(
    name: str, event_type: str, metadata: dict[str, Any], kind: str | None, severity: str, wrap: Any
) -> None:
    event = wrap({"event_type": event_type, "metadata": metadata})
    assert issue_kind_of_event(event) == kind
    assert event_severity(event) == severity
    assert is_oom_event(event) == (kind == "oom")
    if kind in (None, "alert"):
        assert not is_collector_degradation_event(event)
        assert is_alert_event(event) == (kind == "alert")
    else:
        assert is_oom_event(event) or is_collector_degradation_event(event)


@pytest.mark.parametrize(
    ("metadata", "backend"),
    [({}, "unknown"), ({"backend": None}, "unknown"), ({"backend": " CUDA "}, "cuda"), (None, "unknown")],
)
def test_backend(metadata: dict[str, Any] | None, backend: str) -> None:
    assert event_backend({"event_type": "sample", "metadata": metadata}) == backend


def test_events_without_type_or_metadata_are_no_hits() -> None:
    assert issue_kind_of_event({}) is None
    assert issue_kind_of_event(SimpleNamespace(event_type=3)) is None
    assert event_severity(object()) == "info"
