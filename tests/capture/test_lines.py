"""Samples are written by a faster way than other records, as the same bytes."""

from __future__ import annotations

import itertools
from typing import Any

import pytest

from stormlog.capture import Identity, MemoryReading
from stormlog.capture.collectors.process import ProcessCollector
from stormlog.capture.records import RecordMaker
from stormlog.capture.sink import lines
from stormlog.capture.sink.lines import LineMaker, line_of
from stormlog.telemetry import create_session_summary

ODD_TEXT = '100 % of %s and %d, "quoted", é\ud800\n\u2028'
COMPLETE = MemoryReading(0, allocated=1, reserved=2, used=3, free=4, total=7)
_moments = itertools.count(1_700_000_000_000_000_000, 10_000_019)


def maker(first: MemoryReading | None = COMPLETE, **metadata: Any) -> RecordMaker:
    session = create_session_summary(source="test", session_id=f"s {ODD_TEXT}")
    identity = Identity(f"job {ODD_TEXT}", 3, 1, 8, {"app": ODD_TEXT, **metadata})
    return RecordMaker(session, identity, ProcessCollector(), 10, first)


def sample(
    records: RecordMaker, reading: MemoryReading, more: dict[str, Any], **other: Any
) -> dict[str, Any]:
    arguments = {"change": 5, **other}
    return records.record("sample", reading, next(_moments), metadata=more, **arguments)


@pytest.mark.parametrize("first", [COMPLETE, None])
def test_samples_that_differ_in_numbers_are_the_bytes_of_all_records(first: MemoryReading | None) -> None:
    records, line_maker, more = (
        maker(first),
        LineMaker(),
        {"note": ODD_TEXT, "nested": {"100%": [None, True, 1.5]}},
    )
    numbers = (0, 1, -1, 255, 2**40, 2**63, 10**30, None)
    readings = [MemoryReading(-1, *numbers) for numbers in itertools.permutations(numbers[:7] + (None,), 7)][
        ::997
    ]
    encoded = []
    for reading in readings:
        # Twice with the same nulls makes a form, and the third time uses it.
        for change in (None, 5, -7, 2**50):
            record = sample(records, reading, more, change=change)
            encoded.append(line_maker.line_of(record))
            assert encoded[-1] == line_of(record)
    assert len(set(encoded)) > len(readings)


def test_only_what_may_have_changed_is_encoded(monkeypatch: pytest.MonkeyPatch) -> None:
    records, line_maker, more = maker(), LineMaker(), {"note": 1}
    expected = [sample(records, COMPLETE, more) for _ in range(5)]
    wanted = [line_of(record) for record in expected]
    assert [line_maker.line_of(record) for record in expected[:2]] == wanted[:2]
    monkeypatch.setattr(lines, "_encode", None)
    assert [line_maker.line_of(record) for record in expected[2:]] == wanted[2:]


@pytest.mark.parametrize(
    "odd",
    [
        {"allocator_allocated_bytes": True},
        {"device_free_bytes": 1.5},
        {"device_used_bytes": float("nan")},
        {"device_id": "0"},
        {"timestamp_ns": object()},
        {"context": "something happened"},
        {"event_type": "warning"},
        {"metadata": {"note": 2}},
    ],
)
def test_odd_records_between_samples_are_the_bytes_of_all_records(odd: dict[str, Any]) -> None:
    records, line_maker, more = maker(), LineMaker(), {"note": 1}
    for number in range(12):
        record = sample(records, COMPLETE, more)
        if number % 6 > 2:
            record |= odd
        assert line_maker.line_of(record) == line_of(record)


def test_details_that_a_collector_changes_are_seen() -> None:
    records, more = maker(), {"note": 1}
    details: dict[str, Any] = {"peak": 1}
    reading = MemoryReading(0, 1, 2, used=3, details=details)
    line_maker, seen = LineMaker(), []
    for peak in (1, 1, 1, True, 1, 1.0, 2, None, None, 2, 2):
        details.clear()
        details.update({} if peak is None else {"peak": peak})
        line = line_maker.line_of(sample(records, reading, more))
        seen.append(line.partition(b'"peak": ')[2].partition(b",")[0])
    assert seen == [b"1", b"1", b"1", b"true", b"1", b"1.0", b"2", b"", b"", b"2", b"2"]


def test_records_that_say_the_same_share_it() -> None:
    records, more = maker(), {"note": 1}
    details = {"peak": 1}
    first, second, third, fourth = (
        sample(records, reading, given)
        for reading, given in (
            (MemoryReading(0, 1, 2, used=3, details=details), more),
            (MemoryReading(0, 4, 5, used=6, details=dict(details)), more),
            (MemoryReading(0, 4, 5, used=6, details={"peak": 2}), more),
            (MemoryReading(0, 4, 5, used=6), {"note": 2}),
        )
    )
    assert first["metadata"] is second["metadata"]
    assert (first["metadata"]["peak"], third["metadata"]["peak"]) == (1, 2)
    assert "peak" not in fourth["metadata"] and fourth["metadata"]["note"] == 2
