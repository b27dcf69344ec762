"""Sessions with absurd times and sizes get right answers and leave all others alone."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path
from typing import Any, NamedTuple

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


class Found(NamedTuple):
    """What a store says of a good session among all odd ones, and of each odd one.

    Attributes:
        alone: Issue -> evidence of the good session, where no other session is.
        together: The same beside the odd ones.
        gaps: Session -> its findings.
        counts: Session -> number of its events.
    """

    alone: dict[str, int]
    together: dict[str, int]
    gaps: dict[str, list[tuple[Any, ...]]]
    counts: dict[str, int]


def evidence(store: Any) -> dict[str, int]:
    return {
        issue.fingerprint.fingerprint_id: sum(link.session_id == "good" for link in issue.evidence)
        for issue in store.list_issues()
    }


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> Found:
    folder, good = tmp_path_factory.mktemp("sessions"), busy_session("good", 60)
    odd = [{**event, "session_id": name} for name, events in ODD.items() for event in events]
    with stormlog.query.open([write_lines(folder / "alone.jsonl", good)]) as store:
        alone = evidence(store)
    with stormlog.query.open([write_lines(folder / "together.jsonl", good + odd)]) as store:
        together = evidence(store)
        gaps: dict[str, list[tuple[Any, ...]]] = defaultdict(list)
        for session, *row in store.sql(GAPS).rows:
            gaps[session].append(tuple(row))
        counts = dict(store.sql("SELECT session_id, count(*) FROM events GROUP BY ALL").rows)
    return Found(alone, together, gaps, counts)


GAPS = "SELECT session_id, classification, timestamp_ns, severity, confidence FROM memory_gaps"


def test_odd_sessions_beside_an_ordinary_one(found: Found) -> None:
    # The good session's findings may share an issue with those of the odd ones; its hits stay the same.
    assert len(found.alone) > 3
    assert {key: found.together[key] for key in found.alone} == found.alone
    assert found.counts == {"good": 60, **{name: len(events) for name, events in ODD.items()}}


@pytest.mark.parametrize("name", ODD)
def test_gaps_are_those_that_python_finds(found: Found, name: str) -> None:
    wanted = [
        (one.classification, one.evidence_timestamp_ns, one.severity, one.confidence)
        for one in analyze_hidden_memory_gaps(ODD[name])
    ]
    assert found.gaps.get(name, []) == wanted


@pytest.mark.parametrize("name", ["the largest time", "everything at once"])
def test_the_oddest_sessions_alone(tmp_path: Path, name: str) -> None:
    with stormlog.query.open([write_lines(tmp_path / "odd.jsonl", ODD[name])]) as store:
        store.list_issues()
        rows = store.sql("SELECT classification, timestamp_ns FROM memory_gaps").rows
    assert rows == [
        (one.classification, one.evidence_timestamp_ns) for one in analyze_hidden_memory_gaps(ODD[name])
    ]
