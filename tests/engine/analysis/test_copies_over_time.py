"""Copies that grow, are remembered or are gone, and how little is compared and read for them."""

from __future__ import annotations

import json
import random
import shutil
from pathlib import Path
from typing import Any

import pytest

import stormlog.query
from stormlog.compaction import compact_sink
from stormlog.engine import engine, selective
from stormlog.engine.analysis import copies
from stormlog.query import EventFilter
from stormlog.query.remembered.verification import verify
from tests.engine.analysis.copied_sinks import (
    Events,
    compacted,
    entry,
    events_of,
    hits,
    make_sink,
    notes_of,
    readings,
    readings_of,
    sessions,
)
from tests.query.sinks import SECOND, write_lines, write_sink
from tests.soak import few_or_many

# ---- growth and memory -------------------------------------------------------------------------------------


def append(path: Path, events: Events) -> None:
    with path.open("a") as stream:
        stream.writelines(json.dumps(event, sort_keys=True) + "\n" for event in events)


@pytest.mark.parametrize("cache", [False, True])
def test_the_longer_one_counts_after_growth(cache: bool, tmp_path: Path) -> None:
    root, events = tmp_path / "runs", events_of(count=100)
    root.mkdir()
    options = {"cache": str(tmp_path / "cache") if cache else False}
    original = write_lines(root / "a.jsonl", events[:30])
    copy = write_lines(root / "b.jsonl", events[:20])
    with stormlog.query.open(root, **options) as store:
        for path, start, end, told in (
            (original, 30, 40, "b.jsonl"),
            (copy, 20, 40, "b.jsonl"),
            (copy, 40, 60, "a.jsonl"),
            (original, 40, 60, "b.jsonl"),
        ):
            append(path, events[start:end])
            store.refresh()
            assert readings_of(store) == end
            assert [Path(warning.path).name for warning in store.catalog.warnings] == [told]
            if cache and end == 60:
                # Another process begins with what this one has kept.
                assert readings(root, **options) == end
        append(copy, [{**events[60], "pid": 8}])
        append(original, events[60:70])
        store.refresh()
        assert readings_of(store) == 70 + 61


def test_a_warm_answer_computes_no_digest(
    sink: Path, hits_of_one: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    compacted(sink)
    options = {"cache": str(tmp_path / "cache")}
    assert hits(sink.parent, **options) == hits_of_one
    monkeypatch.setattr(engine, "digests", None)
    monkeypatch.setattr(engine, "_ComparingEngine", None)
    assert hits(sink.parent, **options) == hits_of_one
    # Other files may change meanwhile.
    write_lines(sink.parent / "other.jsonl", events_of("other"))
    assert hits(sink.parent, **options) == 2 * hits_of_one


def test_kept_rows_of_copies_are_verified(sink: Path, tmp_path: Path) -> None:
    compacted(sink)
    hits(sink.parent, cache=str(tmp_path / "cache"))
    (folder,) = (tmp_path / "cache").glob("v*/*")
    assert verify(str(folder), [str(sink.parent)]).differences == []


def test_files_without_a_likely_copy_are_not_compared(
    hits_of_one: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(5):
        make_sink(tmp_path / f"job{number}", events_of(f"s{number}"))
    # Ranks that share a session write at other times, or other things.
    events = events_of("shared")
    write_lines(tmp_path / "rank0.jsonl", events)
    write_lines(tmp_path / "rank1.jsonl", [{**event, "rank": 1, "world_size": 2} for event in events])
    later = [{**event, "timestamp_ns": event["timestamp_ns"] + 3600 * SECOND} for event in events]
    write_lines(tmp_path / "later.jsonl", later)
    asked: list[Any] = []
    real = copies.first_events

    def noted(database: Any, units: Any) -> Any:
        asked.append({unit.session_id for unit in units})
        return real(database, units)

    monkeypatch.setattr(copies, "first_events", noted)
    monkeypatch.setattr(engine, "digests", None)
    monkeypatch.setattr(engine, "_ComparingEngine", None)
    assert hits(tmp_path) == (5 + 3) * hits_of_one
    # The first events of two ranks decide.
    assert asked == [{"shared"}, {"shared"}]


@pytest.mark.parametrize("threads", [1, 4])
def test_the_number_of_threads_does_not_matter(threads: int, tmp_path: Path) -> None:
    events = events_of(count=3000)
    write_lines(tmp_path / "a.jsonl", events)
    write_lines(tmp_path / "b.jsonl", events[:2500])
    with stormlog.query.open(tmp_path, cache=False, threads=threads) as store:
        assert store.sql("SELECT count(*) FROM events").rows == [(3000,)]


# ---- questions that read little ----------------------------------------------------------------------------


def test_sessions_of_ledgers_are_listed_once_without_reading_others(
    sink: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wanted = sessions(sink.parent)
    compacted(sink)
    assert sessions(sink.parent) == wanted
    shutil.rmtree(sink.parent / "job-compact")
    make_sink(sink.parent / "other", events_of("other"))
    monkeypatch.setattr(engine.Engine, "_read", None)
    assert [row["session_id"] for row in sessions(sink.parent)] == ["s", "other"]


def test_sessions_are_listed_again_when_a_copy_is_gone(sink: Path) -> None:
    other = make_sink(sink.parent / "a", events_of("other"))
    compact_sink(other, sink.parent / "b")
    with stormlog.query.open(sink.parent, cache=False) as store:
        assert [row.session_id for row in store.list_sessions()] == ["s", "other"]
        shutil.rmtree(sink.parent / "b")
        store.refresh()
        # Now the sink that counts has the number that the copy had.
        assert [row.session_id for row in store.list_sessions()] == ["s", "other"]


def test_a_ledger_of_a_copy_adds_no_sessions_whose_segments_are_gone(sink: Path) -> None:
    make_sink(sink, sessions=[entry("s"), entry("gone")])
    wanted = sessions(sink.parent)
    assert len(wanted) == 2
    compacted(sink)
    assert sessions(sink.parent) == wanted


@pytest.fixture(scope="module")
def alike(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three sinks of one session: the first and the last are equal, the second is so in its second half."""
    folder, events = tmp_path_factory.mktemp("alike"), events_of(count=90)
    files = {f"segment-00000{n}.jsonl": events[n * 30 - 30 : n * 30] for n in (1, 2, 3)}
    # Equal in the time that is asked for, other before: no copies.
    other = {**files, "segment-000001.jsonl": [{**event, "pid": 8} for event in events[:30]]}
    (folder / "runs").mkdir()
    for name, parts in (("a", files), ("b", other), ("c", files)):
        compact_sink(write_sink(folder / "lines" / name, parts), folder / "runs" / name)
    return folder / "runs"


@pytest.mark.parametrize("pruned", [True, False])
def test_some_events_are_those_among_all(pruned: bool, alike: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(selective, "LEAST_SHARE_LEFT_OUT", 0 if pruned else 2)
    since = events_of(count=90)[10]["timestamp_ns"]
    with stormlog.query.open(alike, cache=False) as store:
        found = [
            row.as_dict() for row in store.query_events(EventFilter(session_id="s", time_start_ns=since))
        ]
        everything = [row.as_dict() for row in store.query_events()]
    assert found == [row for row in everything if row["timestamp_ns"] >= since]
    # Whole segments are equal, in whatever sinks they lie.
    assert len(everything) == 90 + 30


# ---- many that begin alike ---------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(few_or_many(1, 50)))
def test_what_begins_alike_is_a_copy_only_if_it_is_all_of_a_beginning(seed: int, tmp_path: Path) -> None:
    """Files that part ways at some record, cut at any length, some of them twice."""
    chance = random.Random(seed)
    events = events_of(count=30)
    forks = [events]
    for pid in (8, 9, 10):
        at, fork = chance.randrange(1, 30), chance.choice(forks)
        forks.append([*fork[:at], *({**event, "pid": pid} for event in fork[at:])])
    files = [chance.choice(forks)[: chance.choice([1, 5, 12, 30, 30])] for _ in range(14)]
    for number, content in enumerate(files):
        write_lines(tmp_path / f"{number:02}.jsonl", content)
    wanted = 0
    for number, content in enumerate(files):
        others = [other for place, other in enumerate(files) if len(other) > len(content) or place < number]
        wanted += 0 if any(other[: len(content)] == content for other in others) else len(content)
    with stormlog.query.open(tmp_path, cache=False) as store:
        assert len(store.query_events()) == wanted


@pytest.mark.parametrize("pids", [[7] * 30, range(30)])
def test_work_grows_with_the_files_that_begin_alike_not_with_their_pairs(
    pids: list[int], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[int] = []
    compare = copies.CopyFinder._digests

    def counting(self: copies.CopyFinder, extents: Any) -> Any:
        asked.append(len(extents))
        return compare(self, extents)

    monkeypatch.setattr(copies.CopyFinder, "_digests", counting)
    events = events_of(count=50)
    for number, pid in enumerate(pids):
        changed = [{**event, "pid": pid} for event in events[: 20 + number]]
        write_lines(tmp_path / f"{number:02}.jsonl", changed)
    readings(tmp_path)
    assert 0 < sum(asked) <= 2 * 3 * len(pids)


def test_of_equal_sinks_the_one_with_the_shorter_path_counts(tmp_path: Path) -> None:
    for name in ("job-compact", "job"):
        make_sink(tmp_path / name)
    with stormlog.query.open(tmp_path, cache=False) as store:
        readings_of(store)
        assert notes_of(store, tmp_path) == [("job-compact", "copy_of:job")]
