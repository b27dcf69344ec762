"""Times of bundles are read as ISO 8601; what is no time is no error either."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stormlog.issues import datetime_to_ns, parse_datetime, utc_text_to_ns
from tests.vectors.harness import Case, load_cases


@pytest.mark.parametrize("case", load_cases("datetimes"), ids=str)
def test_datetime_cases(case: Case) -> None:
    parsed = parse_datetime(case.input["text"])
    assert (None if parsed is None else parsed.isoformat()) == case.expected["iso_utc"]
    assert datetime_to_ns(parsed) == case.expected["ns"]
    assert utc_text_to_ns(case.input["text"]) == case.expected["ns"]


@pytest.mark.parametrize("text", ["9999-12-31T23:59:59-01:00", "0001-01-01T00:00:00+01:00"])
def test_times_outside_the_range_in_utc_are_unknown(text: str) -> None:
    assert parse_datetime(text) is None
    assert utc_text_to_ns(text) is None


@pytest.mark.parametrize("text", ["20260102T24", "2026-W01-5 24:00", "2026W01T24:00:00Z", "2026-01-02x24:00"])
def test_hour_24_is_no_time(text: str) -> None:
    assert parse_datetime(text) is None


@pytest.mark.parametrize("value", [5, 1.5, b"2026-01-02", ["2026-01-02"]])
def test_other_types_are_no_times(value: object) -> None:
    assert parse_datetime(value) is None  # type: ignore[arg-type]


def test_a_datetime_without_offset_means_utc() -> None:
    assert datetime_to_ns(datetime(2026, 1, 1)) == 1767225600000000000


@given(st.datetimes(), st.integers(-14 * 60, 14 * 60))
def test_whole_seconds_survive_any_offset(moment: datetime, minutes: int) -> None:
    utc = moment.replace(microsecond=0, tzinfo=UTC)
    sign = "-" if minutes < 0 else "+"
    hours, rest = divmod(abs(minutes), 60)
    text = f"{moment.replace(microsecond=0).isoformat()}{sign}{hours:02}:{rest:02}"
    try:
        expected = utc - timedelta(minutes=minutes)
    except OverflowError:
        assert parse_datetime(text) is None
        return
    assert parse_datetime(text) == expected
    whole_seconds = (expected - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(seconds=1)
    assert utc_text_to_ns(text) == int(float(whole_seconds) * 1_000_000_000)


@given(st.text(max_size=30))
def test_no_text_raises(text: str) -> None:
    utc_text_to_ns(text)
