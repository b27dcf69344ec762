"""A text means one moment or none, and no digit of it gets lost."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from stormlog._times import parse_duration, parse_time
from stormlog.presenting import human_time

SECOND = 10**9
DAY = 86_400 * SECOND
#: 2026-11-29 12:00:00.123456789 UTC.
NOW = 1_795_953_600_123_456_789
MIDNIGHT = NOW // DAY * DAY


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("500ms", 500 * 10**6),
        ("30s", 30 * SECOND),
        ("10m", 600 * SECOND),
        ("2h", 7200 * SECOND),
        ("7d", 7 * DAY),
        ("1w", 7 * DAY),
        ("1y", 365 * DAY),
        ("30", 30 * SECOND),
        ("0.25", SECOND // 4),
        ("1.5h", 5400 * SECOND),
        ("1h30m", 5400 * SECOND),
        ("1 day 12 hours", DAY * 3 // 2),
        (" 2 min ", 120 * SECOND),
        ("3H", 3 * 3600 * SECOND),
        ("0s", 0),
        ("9223372036.854775807s", 2**63 - 1),
    ],
)
def test_durations(text: str, expected: int) -> None:
    assert parse_duration(text) == expected


@pytest.mark.parametrize(
    "text",
    ["", "soon", "-2h", "1e3", "1M", "2 months", "h", "2hh", "1_0s", "nan", "１０m", "300y", "2h" * 100],
)
def test_what_is_no_duration_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"no duration|no unit|not clear|longer than"):
        parse_duration(text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("now", NOW),
        ("2h", NOW - 7200 * SECOND),
        ("3 h ago", NOW - 10_800 * SECOND),
        ("7d", NOW - 7 * DAY),
        ("today", MIDNIGHT),
        ("Yesterday", MIDNIGHT - DAY),
        ("tomorrow", MIDNIGHT + DAY),
        ("yesterday 22:00", MIDNIGHT - 7200 * SECOND),
        ("yesterday 22:00+01:00", MIDNIGHT - 10_800 * SECOND),
        ("2026-11-20", 1_795_132_800 * SECOND),
        ("20261120", 1_795_132_800 * SECOND),
        ("2026-11-20T09:45", 1_795_167_900 * SECOND),
        ("2026-11-20 09:45:34 UTC", 1_795_167_934 * SECOND),
        ("2026-11-20 09:45:34.123 UTC", 1_795_167_934_123 * 10**6),
        ("2026-11-20t09:45:34,123456789z", 1_795_167_934_123_456_789),
        ("2026-11-20 10:45:34 +0100", 1_795_167_934 * SECOND),
        ("2026-11-20T094534.5-01:00", 1_795_171_534_500 * 10**6),
        ("1795167934", 1_795_167_934 * SECOND),
        ("1795167934.123456789", 1_795_167_934_123_456_789),
        ("1795167934123456789", 1_795_167_934_123_456_789),
        ("999999999", 999_999_999 * SECOND),
    ],
)
def test_times(text: str, expected: int) -> None:
    assert parse_time(text, NOW) == expected


def test_a_duration_counts_forward_where_an_end_is_asked_for() -> None:
    assert parse_time("3d", NOW, is_ahead=True) == NOW + 3 * DAY
    assert parse_time("3d ago", NOW, is_ahead=True) == NOW - 3 * DAY
    assert parse_time("tomorrow", NOW, is_ahead=True) == parse_time("tomorrow", NOW)


@pytest.mark.parametrize(
    "text",
    [
        *("", " ", "soon", "-2h", "in 3d", "2h ago ago", "ago", "UTC", "09:45", "1M", "3 months", "nan"),
        *("2026-13-45", "2030-01-01x", "2026-11-20T24:00", "2026-11-20T0945.5", "2026-11-20T09:45.5"),
        *(
            "0001-01-01",
            "9999-12-31",
            "400y",
            "2026",
            "12345",
            "1234567890123",
            "９９９９９９９９９９",
            "x" * 10**6,
        ),
        *("9999999999999999999", "179516793412345678.5", "yesterday ago", "today 25:00"),
    ],
)
def test_what_is_no_time_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"\A.{1,300}\Z"):
        parse_time(text, NOW)


@given(st.integers(0, 2**63 - 1))
@example(1_795_167_934_999_999_999)
def test_a_time_that_stormlog_prints_means_that_time(value: int) -> None:
    assert parse_time(f"{human_time(value)} UTC", NOW) == value // SECOND * SECOND
    assert parse_time(human_time(value, milliseconds=True), NOW) == value // 10**6 * 10**6


@given(st.datetimes(datetime(1700, 1, 1), datetime(2200, 1, 1)))
def test_iso_times_are_exact(moment: datetime) -> None:
    expected = (moment - datetime(1970, 1, 1)).total_seconds()
    found = parse_time(moment.isoformat(), NOW)
    assert found // SECOND == int(expected // 1)
    assert found % SECOND == moment.microsecond * 1000
    assert parse_time(moment.replace(tzinfo=UTC).isoformat(), NOW) == found


@given(st.text(max_size=40))
def test_any_text_is_a_time_or_a_value_error(text: str) -> None:
    try:
        assert -(2**63) <= parse_time(text, NOW) < 2**63
    except ValueError:
        return
