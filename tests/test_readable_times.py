"""Rows have their times and durations as the standard library has them, too."""

from __future__ import annotations

import importlib
import pickle
from dataclasses import fields, is_dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from stormlog._readable_times import ReadableDuration, ReadableTime
from stormlog.explaining import FirstFailure
from stormlog.issues import IssueEvidenceLink
from stormlog.query import RollupWindowRow
from stormlog.telemetry import TelemetryEventV3
from tests.telemetry.factories import record
from tests.test_imports import LATE_PACKAGES

#: What people give to a question, and is no answer.
QUESTIONS = {"EventFilter", "CorrelationFilter"}
DURATIONS = {
    "history_duration_ns",
    "duration_ns",
    "clock_spread_ns",
    "lead_ns",
    "age_ns",
    "window_duration_ns",
}


def public_classes() -> dict[str, type[Any]]:
    """Return the public dataclasses by name."""
    found = {}
    for name in LATE_PACKAGES:
        # What the engine calls public is for other packages of Stormlog.
        if name in ("stormlog.engine", "stormlog.presenting"):
            continue
        package = importlib.import_module(name)
        for public in package.__all__:
            value = getattr(package, public)
            if isinstance(value, type) and is_dataclass(value):
                found[value.__name__] = value
    return found


ROWS = {
    (name, field.name): cls
    for name, cls in public_classes().items()
    for field in fields(cls)
    if field.name.endswith("_ns") and name not in QUESTIONS
}


@pytest.mark.parametrize(("name", "field"), ROWS, ids=".".join)
def test_every_field_of_nanoseconds_of_a_public_row_has_a_readable_one(name: str, field: str) -> None:
    expected = ReadableDuration if field in DURATIONS else ReadableTime
    assert isinstance(getattr(ROWS[name, field], field.removesuffix("_ns"), None), expected)


def test_there_are_many_such_fields() -> None:
    assert len(ROWS) > 60
    assert {"StormlogIssue", "SessionRow", "TelemetryEventV3", "TrackedIssue"} <= {name for name, _ in ROWS}


LAST = datetime(9999, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC)


@pytest.mark.parametrize(
    ("value", "time"),
    [
        (None, None),
        (0, datetime(1970, 1, 1, tzinfo=UTC)),
        (1_795_167_934_123_456_789, datetime(2026, 11, 20, 9, 45, 34, 123_456, tzinfo=UTC)),
        (-1, datetime(1969, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC)),
        (2**63 - 1, datetime(2262, 4, 11, 23, 47, 16, 854_775, tzinfo=UTC)),
        (253_402_300_799_999_999_999, LAST),
        (253_402_300_800_000_000_000, None),
        (-(10**25), None),
        (10**40, None),
    ],
)
def test_time_is_in_utc_and_to_the_microsecond(value: int | None, time: datetime | None) -> None:
    found = IssueEvidenceLink(timestamp_ns=value).timestamp
    assert found == time
    assert found is None or found.tzinfo is UTC


@pytest.mark.parametrize(
    ("value", "length"),
    [
        (60_000_001_999, timedelta(seconds=60, microseconds=1)),
        (0, timedelta(0)),
        (10**40, None),
    ],
)
def test_duration_is_to_the_microsecond(value: int, length: timedelta | None) -> None:
    row = RollupWindowRow("s", 0, 0, 1, 1, 1, 1, None, None, None, 0, 0, 0, value, "rollups.json")
    assert row.window_duration == length


def test_readable_times_are_no_fields() -> None:
    """They are no part of what is compared, printed, copied or given to programs."""
    link = IssueEvidenceLink(timestamp_ns=5)
    assert "timestamp" not in link.as_dict()
    assert link == pickle.loads(pickle.dumps(link)) == replace(link)
    assert "timestamp" not in {field.name for field in fields(FirstFailure)}


def test_a_time_is_changed_by_its_nanoseconds() -> None:
    changed = TelemetryEventV3(**record())
    with pytest.raises(AttributeError, match="read from timestamp_ns"):
        changed.timestamp = LAST
    changed.timestamp_ns = 1_000_000_000
    assert changed.timestamp == datetime(1970, 1, 1, 0, 0, 1, tzinfo=UTC)
