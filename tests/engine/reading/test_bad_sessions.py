"""Sessions with absurd times and sizes get right answers and leave all others alone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import stormlog.query
from stormlog.issues.gaps import analyze_hidden_memory_gaps
from tests.query.sinks import SECOND, START_NS, busy_session, write_lines
from tests.telemetry.factories import record

YEAR = 365 * 86_400 * SECOND
LARGEST = 2**63 - 1


def series(
    times: list[int], gaps: list[int], *, session_id: str = "odd", total: int = 1000
) -> list[dict[str, Any]]:
    return [
        record(
            session_id=session_id,
            timestamp_ns=time,
            allocator_allocated_bytes=0,
            allocator_reserved_bytes=0,
            device_used_bytes=gap,
            device_total_bytes=total,
        )
        for time, gap in zip(times, gaps, strict=True)
    ]


ODD: dict[str, list[dict[str, Any]]] = {
    "one time": series([START_NS] * 30, [300] * 29 + [900]),
    "time 0 among today's": series([0, *(START_NS + n for n in range(30))], [300] * 30 + [900]),
    "years": series([START_NS + n * YEAR for n in range(30)], list(range(100, 700, 20))),
    "the largest time": series([0, *range(LARGEST - 30, LARGEST)], list(range(100, 720, 20))),
    "largest gaps": series(list(range(30)), [LARGEST - 30 + n for n in range(30)], total=LARGEST),
    "everything at once": series(
        [n * (LARGEST // 30) for n in range(31)], [n * (LARGEST // 30) for n in range(31)], total=LARGEST
    ),
    "nanosecond steps": series([START_NS + n for n in range(30)], list(range(100, 700, 20))),
    "nothing reserved": series(list(range(30)), [0] * 29 + [999]),
}


@pytest.mark.parametrize("name", ODD)
def test_odd_session_beside_ordinary_ones(tmp_path: Path, name: str) -> None:
    alone = write_lines(tmp_path / "alone.jsonl", busy_session("good", 60))
    together = write_lines(tmp_path / "together.jsonl", busy_session("good", 60) + ODD[name])
    with stormlog.query.open([alone]) as store:
        wanted = {issue.fingerprint.fingerprint_id: evidence(issue) for issue in store.list_issues()}
    with stormlog.query.open([together]) as store:
        issues = store.list_issues()
        gaps = store.sql(
            "SELECT classification, evidence, timestamp_ns FROM memory_gaps WHERE session_id = 'odd'"
        ).rows
        assert len(store.query_events()) == 60 + len(ODD[name])
        found = {issue.fingerprint.fingerprint_id: evidence(issue) for issue in issues}

    # The good session's findings may share an issue with those of the odd one; its hits stay the same.
    assert {key: found[key] for key in wanted} == wanted
    findings = analyze_hidden_memory_gaps(ODD[name])
    assert [(row[0], row[2]) for row in gaps] == [
        (one.classification, one.evidence_timestamp_ns) for one in findings
    ]


def evidence(issue: Any) -> int:
    return sum(link.session_id == "good" for link in issue.evidence)


def test_gaps_are_those_that_python_finds(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    sessions = {f"{name} {number}": events for number, (name, events) in enumerate(ODD.items())}
    renamed = [{**event, "session_id": name} for name, events in sessions.items() for event in events]
    write_lines(path, renamed)
    with stormlog.query.open([path]) as store:
        rows = store.sql("SELECT session_id, classification, severity, confidence FROM memory_gaps").rows
    wanted = [
        (name, one.classification, one.severity, one.confidence)
        for name, events in sessions.items()
        for one in analyze_hidden_memory_gaps(events)
    ]
    assert sorted(rows) == sorted(wanted)
