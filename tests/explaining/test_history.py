"""The memory of a run over time: the same parts as `memory_timeline`, no peak lost, few rows for many ranks."""

from __future__ import annotations

from pathlib import Path

import pytest

import stormlog.query
from tests.apps.cli.samples import START_NS, event, write_lines

SECOND = 10**9
GIB = 1 << 30


def sample(rank: int, second: float, used: int | None, **changes: object) -> dict[str, object]:
    return event(
        session_id=f"s-{rank}",
        rank=rank,
        world_size=100,
        job_id="job",
        timestamp_ns=START_NS + int(second * SECOND),
        device_used_bytes=used,
        allocator_reserved_bytes=None if used is None else used * 3 // 4,
        allocator_allocated_bytes=None if used is None else used // 2,
        device_total_bytes=80 * GIB,
        **changes,
    )


def write(tmp_path: Path, *records: dict[str, object]) -> str:
    path = tmp_path / "events.jsonl"
    write_lines(path, *records)
    return str(path)


def test_few_ranks_have_a_series_each_and_no_peak_is_lost(tmp_path: Path) -> None:
    records = [sample(rank, second, GIB) for rank in range(3) for second in range(500)]
    records.append(sample(1, 250.25, 79 * GIB))
    records.append(sample(2, 250.5, 1))
    with stormlog.query.open(write(tmp_path, *records)) as store:
        history = store.memory_history("job:job", parts=10)
    assert [series.rank for series in history.series] == [0, 1, 2]
    assert history.all_series is None and history.series_count == 3 and history.size_bytes == 80 * GIB
    highest = [max(point.max_bytes for point in series.points) for series in history.series]
    lowest = [min(point.min_bytes for point in series.points) for series in history.series]
    assert highest == [GIB, 79 * GIB, GIB] and lowest == [GIB, GIB, 1]
    assert all(len(series.points) == 10 for series in history.series)


def test_parts_of_one_session_are_those_of_memory_timeline(tmp_path: Path) -> None:
    records = [sample(0, second * 1.7, (second * 7919) % 100 * GIB) for second in range(101)]
    with stormlog.query.open(write(tmp_path, *records)) as store:
        [used] = [s for s in store.memory_history("job:job", parts=7).series if s.counter == "used"]
        expected = store.sql(
            "SELECT bucket_start_ns, first_bytes, last_bytes, min_bytes, max_bytes, sample_count "
            "FROM memory_timeline('s-0', 7) WHERE counter = 'used' ORDER BY bucket"
        ).rows
    found = [
        (p.start_ns, p.first_bytes, p.last_bytes, p.min_bytes, p.max_bytes, p.sample_count)
        for p in used.points
    ]
    assert found == expected


def test_one_series_has_all_its_counters(tmp_path: Path) -> None:
    with stormlog.query.open(write(tmp_path, *(sample(0, second, GIB) for second in range(3)))) as store:
        history = store.memory_history("job:job")
    assert {series.counter for series in history.series} == {"used", "reserved", "allocated"}


def test_many_ranks_are_a_band_and_the_shown_one_stays_apart(tmp_path: Path) -> None:
    records = [sample(rank, second, (rank + 1) * GIB // 2) for rank in range(50) for second in range(20)]
    records.append(sample(30, 10.5, 70 * GIB))
    with stormlog.query.open(write(tmp_path, *records)) as store:
        history = store.memory_history("job:job", shown=("s-7", 7), parts=10)
    assert history.all_series is not None and history.series_count == 50
    assert [series.rank for series in history.series] == [7]
    assert max(point.max_bytes for point in history.all_series.points) == 70 * GIB
    assert min(point.min_bytes for point in history.all_series.points) == GIB // 2
    assert all(point.last_bytes == 25 * GIB // 2 for point in history.all_series.points)


def test_failures_and_alerts_are_marks_each_once(tmp_path: Path) -> None:
    records = [sample(0, second, GIB) for second in range(10)]
    records += [sample(0, 5, GIB, event_type="warning", context="High memory usage") for _ in range(40)]
    records.append(
        sample(0, 12, GIB, event_type="error", context="CUDA out of memory. Tried to allocate 1 GiB")
    )
    with stormlog.query.open(write(tmp_path, *records)) as store:
        marks = store.memory_history("job:job").marks
    assert [(mark.kind, mark.count) for mark in marks if mark.kind in ("alert", "failure", "oom")] == [
        ("alert", 40),
        ("failure", 1),
    ]


def test_samples_that_know_nothing_are_no_series(tmp_path: Path) -> None:
    records = [
        sample(0, second, None, device_free_bytes=None) | {"device_total_bytes": None} for second in range(3)
    ]
    with stormlog.query.open(write(tmp_path, *records)) as store:
        history = store.memory_history("job:job")
    assert history.series == () and history.all_series is None


@pytest.mark.parametrize("seconds", [[0], [0, 0, 0]])
def test_one_moment_is_one_part(tmp_path: Path, seconds: list[int]) -> None:
    records = [sample(0, second, 2**63 - 1 if second else GIB) for second in seconds]
    with stormlog.query.open(write(tmp_path, *records)) as store:
        history = store.memory_history("job:job")
    assert [len(series.points) for series in history.series] == [1, 1, 1]


def test_at_least_one_part(tmp_path: Path) -> None:
    with (
        stormlog.query.open(write(tmp_path, sample(0, 0, 1))) as store,
        pytest.raises(ValueError, match="parts must be 1 or more"),
    ):
        store.memory_history("job:job", parts=0)


def test_accounts_of_several_issues_are_those_of_each() -> None:
    with stormlog.query.open("examples/job") as store:
        names = [issue.fingerprint_id for issue in store.list_issues()]
        assert store.issue_accounts([*names, "issue:" + "0" * 24]) == [
            store.issue_account(name) for name in names
        ]
        assert store.issue_accounts([]) == []
