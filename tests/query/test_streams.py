"""Rows that are fetched while they are used are those of the list, and few of them are held at a time."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

import stormlog.query
from stormlog.engine.cursors.cursor import SnapshotCursor
from stormlog.engine.database import settings
from stormlog.engine.index.location import LAYOUT
from stormlog.errors import QueryError
from stormlog.query import EventFilter, QueryStore, streams, time_slices
from tests.captures import capture_path
from tests.engine.index.mixes import append
from tests.query.sinks import START_NS, busy_session, write_lines


def written(folder: Path, count: int = 40) -> Path:
    """Write three sessions of the same times, each with a line that is none."""
    folder.mkdir()
    for number in range(3):
        write_lines(folder / f"{number}.jsonl", busy_session(f"s{number}", count))
        append(folder / f"{number}.jsonl", b"{bad\n")
    return folder


@pytest.fixture
def files(tmp_path: Path) -> Path:
    return written(tmp_path / "files")


@pytest.fixture
def fetched(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Fetch ten rows at a time, and note how many came each time."""
    monkeypatch.setattr(streams, "BATCH_ROWS", 10)
    counts: list[int] = []
    fetch = SnapshotCursor.fetch

    def noting(self: SnapshotCursor, name: str, text: str, count: int) -> list[tuple[Any, ...]]:
        rows = fetch(self, name, text, count)
        counts.append(len(rows))
        return rows

    monkeypatch.setattr(SnapshotCursor, "fetch", noting)
    return counts


#: Sinks, bundles, files of old versions and torn ones.
MIXED = [capture_path(name) for name in ("sink-retention", "v4-cuda-sim", "legacy-v2", "torn-tail")]
FILTERS = {
    "all": None,
    "alerts": EventFilter(has_alert=True),
    "first": EventFilter(limit=7),
    "none": EventFilter(session_id="no such session"),
    "since": EventFilter(time_start_ns=START_NS),
}


@pytest.fixture(scope="module")
def mixed() -> Iterator[QueryStore]:
    """A store whose first question reads all records."""
    with stormlog.query.open(MIXED, cache=False) as store:
        assert store.query_events()
        yield store


@pytest.mark.parametrize("filters", FILTERS.values(), ids=FILTERS)
def test_events_are_those_of_the_list(mixed: QueryStore, filters: EventFilter | None) -> None:
    listed = mixed.query_events(filters)
    assert list(mixed.iter_events(filters)) == listed
    with stormlog.query.open(MIXED, cache=False) as store:
        assert list(store.iter_events(filters)) == listed
        assert store.rejects() == mixed.rejects()
        assert store.catalog.warnings == mixed.catalog.warnings
        if filters is None:
            assert store.query_events() == listed


@pytest.fixture(scope="module")
def disordered(tmp_path_factory: pytest.TempPathFactory) -> Iterator[QueryStore]:
    """Three sessions of the same times, and one file out of order."""
    files = written(tmp_path_factory.mktemp("disordered") / "files", 20)
    append(files / "1.jsonl", busy_session("back", 20, start_ns=START_NS - 10**12))
    with stormlog.query.open(files, cache=False) as store:
        yield store


@pytest.mark.parametrize(
    "filters",
    [
        EventFilter(),
        EventFilter(limit=33),
        EventFilter(limit=0),
        EventFilter(event_type="warning"),
        EventFilter(session_id="s1", limit=12),
        EventFilter(time_start_ns=START_NS + 5 * 10**9, time_end_ns=START_NS + 12 * 10**9),
        EventFilter(time_start_ns=START_NS + 10**15),
    ],
)
def test_slices_of_time_make_up_the_list(
    disordered: QueryStore, monkeypatch: pytest.MonkeyPatch, filters: EventFilter
) -> None:
    found = {}
    # A slice of one row is a statement for each: not of everything.
    for slice_rows in (1, 7, 50) if filters != EventFilter() else (7, 50):
        monkeypatch.setattr(time_slices, "_SLICE_ROWS", slice_rows)
        found[slice_rows] = list(disordered.iter_events(filters))
    assert found == dict.fromkeys(found, disordered.query_events(filters))


def test_rows_are_sorted_a_slice_at_a_time(files: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(time_slices, "_SLICE_ROWS", 12)
    asked: list[Any] = []
    execute = SnapshotCursor.execute

    def noting(self: SnapshotCursor, name: str, text: str, params: Any) -> list[str]:
        if "ORDER BY" in text:
            asked.append((params["time_start_ns"], params["time_end_ns"]))
        return execute(self, name, text, params)

    monkeypatch.setattr(SnapshotCursor, "execute", noting)
    with stormlog.query.open(files, cache=False) as store:
        events = store.iter_events()
        next(events)
        assert len(asked) == 1
        rows = [next(events) for _ in range(100)]
        assert 5 <= len(asked) <= 10
        assert len(rows) + 1 + len(list(events)) == 120
    assert all(end + 1 == start for (_, end), (start, _) in pairwise(asked))


def test_rows_are_fetched_when_they_are_used(files: Path, fetched: list[int]) -> None:
    with stormlog.query.open(files, cache=False) as store:
        events = store.iter_events()
        assert next(events).event.session_id == "s0"
        # The first one says how many rows there are.
        assert fetched == [1, 10]
        assert sum(1 for _ in events) == 119
        assert fetched == [1, *[10] * 12, 0]


def test_rows_of_a_statement_are_fetched_when_they_are_used(files: Path, fetched: list[int]) -> None:
    with stormlog.query.open(files, cache=False) as store:
        with store.iter_sql("SELECT range AS number FROM range($count)", {"count": 10**12}) as rows:
            assert rows.columns == ["number"]
            assert [next(rows) for _ in range(25)] == [(number,) for number in range(25)]
        assert fetched == [10, 10, 10]
        assert list(rows) == []
        with pytest.raises(QueryError):
            store.iter_sql("DELETE FROM raw.files")


def test_rows_are_of_the_moment_when_they_were_asked_for(files: Path, fetched: list[int]) -> None:
    with stormlog.query.open(files, cache=False) as store:
        right = store.query_events()
    with stormlog.query.open(files, cache=False) as store:
        events = store.iter_events()
        begun = [next(events)]
        append(files / "0.jsonl", busy_session("late", 40, start_ns=START_NS + 1))
        assert store.refresh()
        assert len(store.query_events()) == 160
        assert len(list(store.iter_events())) == 160
        assert begun + list(events) == right


@pytest.mark.parametrize("end", ["close", "interrupt"])
def test_a_stream_ends_with(end: str, files: Path, fetched: list[int]) -> None:
    store = stormlog.query.open(files, cache=False)
    streams = [store.iter_events(), store.iter_sql("SELECT * FROM range(1000000)")]
    for stream in streams:
        next(stream)
    getattr(store, end)()
    for stream in streams:
        with pytest.raises(QueryError, match="the store is closed" if end == "close" else "interrupted"):
            list(stream)
    if end == "interrupt":
        assert len(list(store.iter_events())) == 120
    store.close()


def answers_kept(cache: Path) -> int:
    return sum('"events"' in path.read_text() for path in cache.glob(f"{LAYOUT}/*/answers/*.json"))


def test_only_short_answers_are_kept(
    files: Path, tmp_path: Path, fetched: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    cache = tmp_path / "cache"
    monkeypatch.setattr(streams, "_MOST_KEPT_ROWS", 100)
    with stormlog.query.open(files, cache=cache) as store:
        right = list(store.iter_events())
        assert answers_kept(cache) == 0
        next(store.iter_events(EventFilter(session_id="s0")))
        assert answers_kept(cache) == 0, "not all rows were seen"
        some = list(store.iter_events(EventFilter(session_id="s0")))
        assert answers_kept(cache) == 1
        rejects = store.rejects()
    fetched.clear()
    with stormlog.query.open(files, cache=cache) as store:
        assert list(store.iter_events(EventFilter(session_id="s0"))) == some
        assert store.query_events(EventFilter(session_id="s0")) == some
        assert fetched == []
        assert store.rejects() == rejects
        assert list(store.iter_events()) == right


def test_a_strict_store_refuses_to_begin(files: Path) -> None:
    with (
        stormlog.query.open(files, cache=False, strict=True) as store,
        pytest.raises(stormlog.errors.SourceError),
    ):
        store.iter_events()


def test_memory_has_a_limit_without_one_of_the_store(files: Path) -> None:
    def limits(store: Any) -> Iterator[str]:
        for engine in store._engines():
            yield engine.run("test", "SELECT current_setting('memory_limit')")[1][0][0]

    with stormlog.query.open(files, cache=False) as store:
        list(store.iter_events())
        (bounded,) = limits(store)
    with stormlog.query.open(files, cache=False, memory_limit="1GB") as store:
        list(store.iter_events())
        (own,) = limits(store)
    assert (bounded, own) == (limit_text(), "953.6 MiB")


STREAMED = "SELECT session_id, line_number, context, metadata FROM events ORDER BY ALL"


@pytest.fixture(scope="module")
def read_at_once(tmp_path_factory: pytest.TempPathFactory) -> list[tuple[Any, ...]]:
    """The rows of such files, wherever they lie, of a store that reads all of them at once."""
    with stormlog.query.open(written(tmp_path_factory.mktemp("at once") / "files"), cache=False) as store:
        return store.sql(STREAMED).rows


@pytest.mark.parametrize("method", ["iter_sql", "iter_arrow"])
def test_what_a_statement_that_streams_needs_is_read_a_few_files_at_a_time(
    files: Path, read_at_once: list[tuple[Any, ...]], monkeypatch: pytest.MonkeyPatch, method: str
) -> None:
    text, wanted = STREAMED, read_at_once
    monkeypatch.setattr(settings, "_MOST_SPARING_BATCH_BYTES", 1)
    with stormlog.query.open(files, cache=False) as store:
        found = getattr(store, method)(text)
        rows = list(found) if method == "iter_sql" else found.read_all().to_pylist()
        assert len(rows) == len(wanted) == 120
        # Two of three files wait in Parquet files, and answer what is asked later.
        (engine,) = store._engines()
        waiting = engine.run("test", "SELECT count(*) FROM glob($files)", {"files": waiting_files(engine)})[1]
        assert waiting == [(2,)]
        assert store.sql(text).rows == wanted
        assert len(store.rejects()) == 3


def waiting_files(engine: Any) -> str:
    return f"{engine._temporary_files.path}/*.part/records.parquet"


def limit_text() -> str:
    number = int(settings._SPARING_MEMORY.removesuffix("MB"))
    return f"{number * 10**6 / 2**20:.1f} MiB"


@pytest.mark.parametrize("shift_ns", [1, 100])
def test_rounded_times_of_slices_do_not_widen_the_question(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, shift_ns: int
) -> None:
    # Nearly all events are of one moment, which no floating-point number of this size can name.
    moment = START_NS + shift_ns
    for number, (start_ns, count) in enumerate([(moment - 1, 1), (moment, 1), (moment, 1), (moment + 1, 1)]):
        write_lines(tmp_path / f"{number}.jsonl", busy_session(f"s{number}", count, start_ns=start_ns))
    monkeypatch.setattr(time_slices, "_SLICE_ROWS", 1)
    with stormlog.query.open(tmp_path, cache=False) as store:
        for bound in ("time_start_ns", "time_end_ns"):
            filters = EventFilter(**{bound: moment})
            assert list(store.iter_events(filters)) == store.query_events(filters), bound


def test_what_a_filter_missed_is_looked_up_with_little_memory_too(files: Path) -> None:
    filters = EventFilter(session_id="s9", event_type="sampl")
    with stormlog.query.open(files, cache=False) as store:
        assert list(store.iter_events(filters)) == []
        told = [str(unmatched) for unmatched in store.unmatched_filters(filters)]
        (engine,) = (engine for engine in store._engines() if engine.has_records)
        limit = engine.run("test", "SELECT current_setting('memory_limit')")[1][0][0]
    assert limit == limit_text()
    with stormlog.query.open(files, cache=False) as store:
        assert store.query_events(filters) == []
        assert [str(unmatched) for unmatched in store.unmatched_filters(filters)] == told
    assert told[0].startswith("no event has session_id 's9'; there are s0, s1, s2")
    assert told[1].startswith("no event has event_type 'sampl'; there ")
