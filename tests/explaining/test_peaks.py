"""Peaks by phase: what the table macro says equals what one finds sample by sample."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest

import stormlog.query
from tests.apps.cli.samples import START_NS, event, write_lines

_COUNTERS = {
    "peak_allocated": lambda e: e["allocator_allocated_bytes"],
    "peak_reserved": lambda e: e["allocator_reserved_bytes"],
    "peak_used": lambda e: e["device_used_bytes"],
    "hidden": lambda e: max(e["device_used_bytes"] - e["allocator_reserved_bytes"], 0),
}


def boundary(
    action: str, path: list[str], scope: int, sequence: int, thread_id: int, **overrides: Any
) -> dict[str, Any]:
    """Return an event at which a phase is entered or left, as a recorder writes it."""
    phase = {
        "action": action,
        "depth": len(path),
        "name": path[-1],
        "parent_scope_id": None,
        "path": path,
        "scope_id": f"s:{scope}",
        "sequence": sequence,
        "thread_id": thread_id,
        "thread_name": f"t{thread_id}",
    }
    metadata = {"backend": "cuda", "phase_scope": phase}
    return event(event_type=f"phase_{action}", metadata=metadata, **overrides)


def made_session(
    rng: random.Random, session: str, rank: int
) -> tuple[list[dict[str, Any]], list[tuple[str, int, int]]]:
    """Return events with phases of two threads, some of them within others, and the spans of these."""
    events: list[dict[str, Any]] = []
    spans: list[tuple[str, int, int]] = []
    place = {"session_id": session, "rank": rank, "job_id": "j", "world_size": 2}
    sequence = 0
    for thread_id in (1, 2):
        stack: list[tuple[list[str], int, int]] = []
        times = sorted(rng.sample(range(0, 400, 2), 24))
        # What is still open is left one after the other.
        for number, at in enumerate([*times, *range(402, 412, 2)]):
            is_over = number >= len(times)
            if is_over and not stack:
                break
            sequence += 1
            time_ns = START_NS + at
            if not is_over and (not stack or (len(stack) < 3 and rng.random() < 0.6)):
                path = [*(stack[-1][0] if stack else []), rng.choice(["a", "b", "c d"])]
                stack.append((path, at, sequence))
                events.append(
                    boundary("enter", path, sequence, sequence, thread_id, timestamp_ns=time_ns, **place)
                )
            else:
                path, start, scope = stack.pop()
                spans.append((" / ".join(path), start, at))
                events.append(
                    boundary("exit", path, scope, sequence, thread_id, timestamp_ns=time_ns, **place)
                )
    for at in rng.sample(range(1, 420, 2), 40):
        events.append(
            event(
                timestamp_ns=START_NS + at,
                allocator_allocated_bytes=rng.randrange(1, 100),
                allocator_reserved_bytes=rng.randrange(100, 200),
                device_used_bytes=rng.randrange(150, 300),
                **place,
            )
        )
    return sorted(events, key=lambda e: e["timestamp_ns"]), spans


@pytest.mark.parametrize("seed", [1, 2])
def test_peaks_are_those_of_the_samples_in_each_phase(seed: int, tmp_path: Path) -> None:
    rng = random.Random(seed)
    expected = {}
    for rank in (0, 1):
        events, spans = made_session(rng, f"s-{rank}", rank)
        path = write_lines(tmp_path / f"rank{rank}.jsonl", *events)
        lines = {id(e): number for number, e in enumerate(events, start=1)}
        samples = [e for e in events if e["event_type"] == "sample"]
        for phase in (None, *{name for name, _, _ in spans}):
            inside = [
                e
                for e in samples
                if phase is None
                or any(p == phase and a <= e["timestamp_ns"] - START_NS <= b for p, a, b in spans)
            ]
            for metric, counter in _COUNTERS.items():
                best = max(inside, key=counter, default=None)
                place = (None,) * 4
                if best is not None:
                    place = (counter(best), best["timestamp_ns"], str(path), lines[id(best)])
                expected[rank, phase, metric] = (*place, len(inside))
    with stormlog.query.open(tmp_path, cache=False) as store:
        rows = store.sql(
            "SELECT rank, phase_path, metric, peak_bytes, timestamp_ns, segment_path, line_number, sample_count "
            "FROM phase_peaks('job:j')"
        )
        found = {tuple(row[:3]): tuple(row[3:]) for row in rows}
    assert found == expected and len({phase for _, phase, _ in found}) > 5


def test_all_runs_are_those_of_each(job: stormlog.query.QueryStore) -> None:
    of_each = [
        row
        for version in ("1.3.9", "1.4.0", "1.4.1")
        for row in job.sql(f"SELECT * FROM phase_peaks('lm-pretrain-{version}')")
    ]
    assert sorted(map(str, of_each)) == sorted(map(str, job.sql("SELECT * FROM phase_peaks(NULL)")))


def test_the_peak_of_a_session_is_that_of_the_account_of_its_samples(job: stormlog.query.QueryStore) -> None:
    different = job.sql(
        """
        SELECT p.session_id, p.peak_bytes, a.bytes
        FROM phase_peaks(NULL) AS p
        INNER JOIN (
            SELECT session_id, max(used_bytes) AS bytes FROM memory_account WHERE is_sample GROUP BY session_id
        ) AS a ON p.session_id = a.session_id
        WHERE p.phase_path IS NULL AND p.metric = 'peak_used' AND p.peak_bytes IS DISTINCT FROM a.bytes
        """
    )
    assert list(different) == []


def test_of_a_process_only_one_number_is_known(tmp_path: Path) -> None:
    same = dict.fromkeys(("allocator_allocated_bytes", "allocator_reserved_bytes", "device_used_bytes"), 7)
    write_lines(tmp_path / "cpu.jsonl", event(**same, device_id=-1, device_total_bytes=None))
    with stormlog.query.open(tmp_path, cache=False) as store:
        rows = store.sql("SELECT metric, peak_bytes, sample_count FROM phase_peaks(NULL) ORDER BY metric")
        assert list(rows) == [
            ("hidden", None, 0),
            ("peak_allocated", None, 0),
            ("peak_reserved", None, 0),
            ("peak_used", 7, 1),
        ]
