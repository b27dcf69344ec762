"""Filters check their values when they are made; rows keep their key order."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from stormlog.query.filters import CorrelationFilter, EventFilter, SessionFilter
from stormlog.query.rows import EventRow, SessionRow
from stormlog.telemetry import telemetry_event_from_record, telemetry_event_to_dict


@pytest.mark.parametrize("limit", [None, 0, 5])
def test_event_limit_may_be_absent_or_zero(limit: int | None) -> None:
    assert EventFilter(limit=limit).limit == limit


def test_negative_event_limit_is_refused() -> None:
    with pytest.raises(ValueError, match="limit"):
        EventFilter(limit=-1)


@pytest.mark.parametrize("values", [{"scope": "job"}, {"scope": ""}, {"window_ns": -1}, {"limit": -1}])
def test_correlation_values_are_checked(values: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=next(iter(values))):
        CorrelationFilter(**values)


def test_correlation_defaults() -> None:
    filters = CorrelationFilter(scope="distributed", window_ns=0, limit=0)

    assert (filters.kinds, filters.at_ns, CorrelationFilter().window_ns) == ((), None, 60_000_000_000)


def test_filters_are_frozen() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        SessionFilter().rank = 1  # type: ignore[misc]


def test_session_row_keeps_its_key_order() -> None:
    row = SessionRow("s", "running", 1, None, "h", 7, None, 0, 0, 1, "w", "/p", "sink", 1, 0, 5, 2)

    assert list(row.as_dict()) == [
        "session_id",
        "status",
        "started_at_ns",
        "ended_at_ns",
        "host",
        "pid",
        "job_id",
        "rank",
        "local_rank",
        "world_size",
        "source",
        "source_path",
        "source_kind",
        "source_count",
        "warning_count",
        "event_count",
        "oom_bundle_count",
    ]
    assert row.as_dict()["oom_bundle_count"] == 2


def test_event_row_adds_its_origin_after_the_event() -> None:
    event = telemetry_event_from_record({"timestamp_ns": 5, "session_id": "s", "event_type": "sample"})
    row = EventRow(event, "/p/segment-000001.jsonl", "sink", "running")

    assert list(row.as_dict().items()) == [
        *telemetry_event_to_dict(event).items(),
        ("source_path", "/p/segment-000001.jsonl"),
        ("source_kind", "sink"),
        ("session_status", "running"),
    ]
