"""The memory of a run over time: the same parts as `memory_timeline`, no peak lost, few rows for many ranks."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from stormlog.explaining import MemoryHistory
from stormlog.query import QueryStore
from tests.apps.cli.samples import START_NS, event
from tests.explaining.beside import Cases, write_apart

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


case = Cases()


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[QueryStore]:
    with case.open(tmp_path_factory.mktemp("cases")) as opened:
        yield opened


def history_of(store: QueryStore, name: str, **options: Any) -> MemoryHistory:
    return store.memory_history(f"job:{name} job", **options)


@case
def three_ranks(folder: Path) -> None:
    records = [sample(rank, second, GIB) for rank in range(3) for second in range(500)]
    records.append(sample(1, 250.25, 79 * GIB))
    records.append(sample(2, 250.5, 1))
    write_apart(folder, *records)


def test_few_ranks_have_a_series_each_and_no_peak_is_lost(store: QueryStore) -> None:
    history = history_of(store, "three_ranks", parts=10)
    assert [series.rank for series in history.series] == [0, 1, 2]
    assert history.all_series is None and history.series_count == 3 and history.size_bytes == 80 * GIB
    highest = [max(point.max_bytes for point in series.points) for series in history.series]
    lowest = [min(point.min_bytes for point in series.points) for series in history.series]
    assert highest == [GIB, 79 * GIB, GIB] and lowest == [GIB, GIB, 1]
    assert all(len(series.points) == 10 for series in history.series)


@case
def one_session(folder: Path) -> None:
    write_apart(folder, *(sample(0, second * 1.7, (second * 7919) % 100 * GIB) for second in range(101)))


def test_parts_of_one_session_are_those_of_memory_timeline(store: QueryStore) -> None:
    [used] = [s for s in history_of(store, "one_session", parts=7).series if s.counter == "used"]
    expected = store.sql(
        "SELECT bucket_start_ns, first_bytes, last_bytes, min_bytes, max_bytes, sample_count "
        "FROM memory_timeline('one_session s-0', 7) WHERE counter = 'used' ORDER BY bucket"
    ).rows
    found = [
        (p.start_ns, p.first_bytes, p.last_bytes, p.min_bytes, p.max_bytes, p.sample_count)
        for p in used.points
    ]
    assert found == expected


@case
def three_samples(folder: Path) -> None:
    write_apart(folder, *(sample(0, second, GIB) for second in range(3)))


def test_one_series_has_all_its_counters(store: QueryStore) -> None:
    history = history_of(store, "three_samples")
    assert {series.counter for series in history.series} == {"used", "reserved", "allocated"}


@case
def fifty_ranks(folder: Path) -> None:
    records = [sample(rank, second, (rank + 1) * GIB // 2) for rank in range(50) for second in range(20)]
    records.append(sample(30, 10.5, 70 * GIB))
    write_apart(folder, *records)


def test_many_ranks_are_a_band_and_the_shown_one_stays_apart(store: QueryStore) -> None:
    history = history_of(store, "fifty_ranks", shown=("fifty_ranks s-7", 7), parts=10)
    assert history.all_series is not None and history.series_count == 50
    assert [series.rank for series in history.series] == [7]
    assert max(point.max_bytes for point in history.all_series.points) == 70 * GIB
    assert min(point.min_bytes for point in history.all_series.points) == GIB // 2
    assert all(point.last_bytes == 25 * GIB // 2 for point in history.all_series.points)


@case
def alerts_and_a_failure(folder: Path) -> None:
    records = [sample(0, second, GIB) for second in range(10)]
    records += [sample(0, 5, GIB, event_type="warning", context="High memory usage") for _ in range(40)]
    records.append(
        sample(0, 12, GIB, event_type="error", context="CUDA out of memory. Tried to allocate 1 GiB")
    )
    write_apart(folder, *records)


def test_failures_and_alerts_are_marks_each_once(store: QueryStore) -> None:
    marks = history_of(store, "alerts_and_a_failure").marks
    assert [(mark.kind, mark.count) for mark in marks if mark.kind in ("alert", "failure", "oom")] == [
        ("alert", 40),
        ("failure", 1),
    ]


@case
def nothing_known(folder: Path) -> None:
    records = [
        sample(0, second, None, device_free_bytes=None) | {"device_total_bytes": None} for second in range(3)
    ]
    write_apart(folder, *records)


def test_samples_that_know_nothing_are_no_series(store: QueryStore) -> None:
    history = history_of(store, "nothing_known")
    assert history.series == () and history.all_series is None


@case
def one_sample(folder: Path) -> None:
    write_apart(folder, sample(0, 0, GIB))


@case
def three_samples_at_once(folder: Path) -> None:
    write_apart(folder, *[sample(0, 0, GIB)] * 3)


@pytest.mark.parametrize("name", ["one_sample", "three_samples_at_once"])
def test_one_moment_is_one_part(store: QueryStore, name: str) -> None:
    history = history_of(store, name)
    assert [len(series.points) for series in history.series] == [1, 1, 1]


def test_at_least_one_part(store: QueryStore) -> None:
    with pytest.raises(ValueError, match="parts must be 1 or more"):
        history_of(store, "one_sample", parts=0)


def test_accounts_of_several_issues_are_those_of_each(job: QueryStore) -> None:
    names = [issue.fingerprint_id for issue in job.list_issues()]
    assert job.issue_accounts([*names, "issue:" + "0" * 24]) == [job.issue_account(name) for name in names]
    assert job.issue_accounts([]) == []
