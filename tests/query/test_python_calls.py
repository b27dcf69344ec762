"""Events are work for DuckDB: ten times as many cost no more calls of Python functions."""

from __future__ import annotations

import sys
from pathlib import Path
from types import FrameType
from typing import Any

import pytest

import stormlog.query
from stormlog.engine.reading import line_files as line_reading
from tests.query.sinks import START_NS, busy_session, write_sink

SESSIONS = 5
EVENTS_PER_SEGMENT = 500


def sink_with(directory: Path, event_count: int) -> Path:
    """Write a sink of that many events; sessions and issues are the same for every number."""
    events = [
        event
        for number in range(SESSIONS)
        for event in busy_session(f"s{number}", event_count // SESSIONS, start_ns=START_NS + number * 10**15)
    ]
    segments = {
        f"segment-{first // EVENTS_PER_SEGMENT:06d}.jsonl": events[first : first + EVENTS_PER_SEGMENT]
        for first in range(0, event_count, EVENTS_PER_SEGMENT)
    }
    return write_sink(directory, segments)


def calls_of_list_issues(sink: Path) -> tuple[int, list[Any]]:
    count = 0

    def profile(frame: FrameType, event: str, argument: object) -> None:
        nonlocal count
        count += event == "call"

    with stormlog.query.open([sink], cache=False) as store:
        sys.setprofile(profile)
        try:
            issues = store.list_issues()
        finally:
            sys.setprofile(None)
        return count, [(issue.fingerprint.fingerprint_id, issue.affected_sessions) for issue in issues]


@pytest.mark.parametrize(
    ("shapes_pay_bytes", "calls_per_segment"), [(2**60, 87), (0, 122)], ids=["plain", "shapes"]
)
def test_calls_do_not_grow_with_events(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, shapes_pay_bytes: int, calls_per_segment: int
) -> None:
    monkeypatch.setattr(line_reading, "SHAPES_PAY_BYTES", shapes_pay_bytes)
    few, many = sink_with(tmp_path / "few", 500), sink_with(tmp_path / "many", 5_000)
    # Modules are imported and cached once.
    calls_of_list_issues(few)

    few_calls, few_issues = calls_of_list_issues(few)
    many_calls, many_issues = calls_of_list_issues(many)

    assert many_issues == few_issues
    assert len(few_issues) >= 4
    # Each of the nine further segments is planned, opened, looked at before and after the scan, added up, and perhaps
    # sampled: about 82 and 118 calls; statements that come again are parsed once. Nothing may depend on its events.
    assert many_calls <= few_calls + 9 * calls_per_segment
