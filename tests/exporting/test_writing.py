"""An export appears whole or not at all, after it was read again, and never over what it must not replace."""

from __future__ import annotations

import os
import resource
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import duckdb
import pyarrow.parquet
import pytest

import stormlog.query
from stormlog.errors import ExportError, QueryError
from stormlog.exporting import files
from stormlog.exporting.duckdb_file import DuckdbWriter
from stormlog.exporting.parquet_files import ParquetWriter
from stormlog.exporting.sqlite_file import SqliteWriter
from stormlog.exporting.writers import Content, Writer
from stormlog.query import QueryStore
from stormlog.tracking import Tracker
from tests.apps.cli.samples import capture as write_capture
from tests.query.sinks import busy_session, write_sink

WRITERS = {"out.duckdb": DuckdbWriter, "out.sqlite": SqliteWriter, "out": ParquetWriter}
targets = pytest.mark.parametrize("name", WRITERS)
#: Enough to have several tables, with little to ask.
VIEWS = ["events", "sessions"]


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("captures") / "runs"
    write_sink(root / "sink", {"segment-000001.jsonl": busy_session("s-1", 60)})
    write_capture(root)
    return root


@pytest.fixture(scope="module")
def small(runs: Path) -> Iterator[QueryStore]:
    with stormlog.query.open(runs, cache=False) as opened:
        yield opened


@pytest.fixture(scope="module")
def smaller(runs: Path) -> Iterator[QueryStore]:
    with stormlog.query.open(runs / "events.jsonl", cache=False) as opened:
        yield opened


def contents(root: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(root)): path.read_bytes() for path in sorted(root.rglob("*")) if path.is_file()
    }


def event_count(target: Path) -> int:
    if target.suffix == ".sqlite":
        return int(sqlite3.connect(target).execute("SELECT count(*) FROM events").fetchone()[0])
    if target.suffix == ".duckdb":
        with duckdb.connect(str(target), read_only=True) as connection:
            return int(connection.execute("SELECT count(*) FROM events").fetchall()[0][0])
    return int(duckdb.connect().sql(f"SELECT count(*) FROM '{target}/events.parquet'").fetchall()[0][0])


def interrupted(*_: object) -> None:
    raise KeyboardInterrupt


def refused(*_: object) -> None:
    raise OSError(28, "No space left on device")


@targets
@pytest.mark.parametrize("method", ["write", "finish", "content"])
@pytest.mark.parametrize(("fail", "error"), [(interrupted, KeyboardInterrupt), (refused, ExportError)])
def test_what_stops_an_export_leaves_what_was_there(
    name: str,
    method: str,
    fail: Callable[..., None],
    error: type[BaseException],
    small: QueryStore,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    writes = getattr(WRITERS[name], method)
    calls = []

    def fails_late(self: Writer, *arguments: Any) -> Any:
        calls.append(method)
        # The first tables are there already.
        return fail() if len(calls) > 3 or method == "finish" else writes(self, *arguments)

    monkeypatch.setattr(WRITERS[name], method, fails_late)
    with pytest.raises(error) as raised:
        small.export(tmp_path / name, views=["sessions"])
    if error is ExportError:
        assert (
            str(raised.value)
            == f"{tmp_path / name} cannot be written, and nothing was: No space left on device"
        )
    assert list(tmp_path.iterdir()) == []


@targets
def test_an_export_that_reads_otherwise_than_it_was_written_does_not_appear(
    name: str, small: QueryStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    small.export(tmp_path / name, views=VIEWS)
    before = contents(tmp_path)
    content = WRITERS[name].content

    def damaged(self: Writer, table: Any) -> Content:
        found = content(self, table)
        return Content(found.row_count, found.digest ^ 1) if table.name == "sessions" else found

    monkeypatch.setattr(WRITERS[name], "content", damaged)
    with pytest.raises(ExportError, match="table sessions was read back otherwise than it was written"):
        small.export(tmp_path / name, views=VIEWS, replace=True)
    assert contents(tmp_path) == before


def change_sqlite(place: str) -> None:
    with sqlite3.connect(place) as connection:
        connection.execute("UPDATE events SET context = 'changed' WHERE rowid = 5")


def change_duckdb(place: str) -> None:
    with duckdb.connect(place) as connection:
        connection.execute("UPDATE events SET rank = rank + 1 WHERE rowid = 5")


def change_parquet(place: str) -> None:
    path = f"{place}/events.parquet"
    pyarrow.parquet.write_table(pyarrow.parquet.read_table(path).slice(1), path)


@pytest.mark.parametrize(
    ("name", "change"),
    [("out.duckdb", change_duckdb), ("out.sqlite", change_sqlite), ("out", change_parquet)],
)
def test_one_other_value_on_the_disk_is_noticed(
    name: str,
    change: Callable[[str], None],
    small: QueryStore,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    writer = WRITERS[name]
    finish = writer.finish

    def finish_and_change(self: Any) -> None:
        finish(self)
        self.close()
        change(self._place)
        if name == "out.duckdb":
            self._connection = self._attached("READ_ONLY")
        elif name == "out.sqlite":
            self._connection = sqlite3.connect(self._place)
            self._adding = duckdb.connect()
        else:
            self._connection = duckdb.connect()

    monkeypatch.setattr(writer, "finish", finish_and_change)
    with pytest.raises(ExportError, match="table events was read back otherwise than it was written"):
        small.export(tmp_path / name, views=VIEWS)
    assert list(tmp_path.iterdir()) == []


@contextmanager
def largest_file(size: int) -> Iterator[None]:
    """Let the system refuse to make files larger than this, as a disk that is full would."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@targets
@pytest.mark.parametrize("size", [0, 20_000])
def test_a_full_disk_leaves_nothing(name: str, size: int, small: QueryStore, tmp_path: Path) -> None:
    with largest_file(size), pytest.raises(ExportError, match="cannot be written, and nothing was: "):
        small.export(tmp_path / name, views=VIEWS)
    assert list(tmp_path.iterdir()) == []


def test_a_disk_that_is_full_when_a_text_is_completed_is_told_with_its_path(
    small: QueryStore, tmp_path: Path
) -> None:
    target = tmp_path / "out.prom"
    with (
        largest_file(1_000),
        pytest.raises(ExportError, match=f"{target} cannot be written, and nothing was: "),
    ):
        small.write_text(target, ["x" * 3_000])
    assert list(tmp_path.iterdir()) == []


@targets
def test_a_statement_that_is_stopped_leaves_nothing(
    name: str, small: QueryStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write = WRITERS[name].write

    def stop_and_write(self: Writer, table: Any, *arguments: Any) -> None:
        if table.name == "sessions":
            small.interrupt()
        write(self, table, *arguments)

    monkeypatch.setattr(WRITERS[name], "write", stop_and_write)
    with pytest.raises(QueryError, match="interrupted"):
        small.export(tmp_path / name, views=VIEWS)
    assert list(tmp_path.iterdir()) == []
    monkeypatch.undo()
    assert small.export(tmp_path / name, views=VIEWS).row_count > 60


@targets
def test_an_export_that_is_there_is_replaced_only_when_told(
    name: str, small: QueryStore, smaller: QueryStore, tmp_path: Path
) -> None:
    target = tmp_path / name
    smaller.export(target, views=VIEWS)
    before = contents(tmp_path)
    assert event_count(target) == 3
    with pytest.raises(ValueError, match="exists already; --force replaces it"):
        small.export(target, views=VIEWS)
    assert contents(tmp_path) == before
    small.export(target, views=VIEWS, replace=True)
    assert event_count(target) == 63
    assert [path.name for path in tmp_path.iterdir()] == [name]


@targets
def test_what_somebody_else_made_meanwhile_stays(
    name: str, small: QueryStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = tmp_path / name
    finish = WRITERS[name].finish

    def make_and_finish(self: Writer) -> None:
        finish(self)
        target.write_text("theirs")

    monkeypatch.setattr(WRITERS[name], "finish", make_and_finish)
    with pytest.raises(ValueError, match="exists already"):
        small.export(target, views=VIEWS)
    assert target.read_text() == "theirs" and len(list(tmp_path.iterdir())) == 1


def test_a_replaced_directory_comes_back_if_the_new_one_cannot_take_its_place(
    small: QueryStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    small.export(tmp_path / "out", views=VIEWS)
    before = contents(tmp_path)
    rename = os.rename

    def refuse_new(source: str, target: str) -> None:
        if target == str(tmp_path / "out") and not source.endswith("replaced"):
            refused()
        rename(source, target)

    monkeypatch.setattr(os, "rename", refuse_new)
    with pytest.raises(ExportError, match="No space left"):
        small.export(tmp_path / "out", views=VIEWS, replace=True)
    assert contents(tmp_path) == before


@pytest.mark.parametrize(
    ("target", "message"),
    [
        ("runs/out.duckdb", "lies in the opened paths"),
        ("runs/out", "lies in the opened paths"),
        ("runs/sink/out.sqlite", "lies in the opened paths"),
        ("runs", "lies in the opened paths"),
        ("runs/events.jsonl", "an export ends in .duckdb or .sqlite, or is a directory"),
        ("linked/out.duckdb", "lies in the opened paths"),
        ("linked", "lies in the opened paths"),
        ("link.sqlite", "lies in the opened paths"),
        (".", "holds some of the opened paths"),
        ("", "the target is empty"),
        (
            "out.parquet",
            "or is a directory of Parquet files, written with a slash at its end: {}/out.parquet/",
        ),
        ("out.db", "an export ends in .duckdb or .sqlite"),
        ("nowhere/out.duckdb", "there is no directory {}/nowhere"),
        ("nowhere/out", "there is no directory {}/nowhere"),
        ("other", "'notes.txt': only a directory that an export made is replaced"),
        ("empty", "holds no export: only a directory that an export made is replaced"),
        ("notes", "notes is no directory"),
        ("pipe.duckdb", "is no regular file"),
        ("journal.duckdb", "journal.duckdb.wal is there: a program still uses"),
        ("journal.sqlite", "journal.sqlite-journal is there: a program still uses"),
        ("tracker.sqlite", "is the tracker: export to another file"),
        ("a\0b.sqlite", "null"),
        ("what?.duckdb", "what?.duckdb: DuckDB takes what follows a question mark for settings"),
        ("\udcff.sqlite", "is no UTF-8: choose another name"),
    ],
)
def test_targets_that_are_refused_even_if_they_may_be_replaced(
    target: str, message: str, runs: Path, tmp_path: Path
) -> None:
    root = tmp_path / "root"
    root.mkdir()
    (root / "runs").mkdir()
    (root / "runs" / "events.jsonl").write_bytes((runs / "events.jsonl").read_bytes())
    (root / "runs" / "sink").mkdir()
    (root / "linked").symlink_to("runs")
    (root / "link.sqlite").symlink_to("runs/events.jsonl")
    (root / "other").mkdir()
    (root / "other" / "notes.txt").write_text("mine")
    (root / "empty").mkdir()
    (root / "notes").write_text("mine")
    os.mkfifo(root / "pipe.duckdb")
    (root / "journal.duckdb.wal").write_text("")
    (root / "journal.sqlite-journal").write_text("")
    Tracker(root / "tracker.sqlite").close()
    with stormlog.query.open(root / "runs", cache=False, tracker=root / "tracker.sqlite") as store:
        regular = {
            path: path.read_bytes() for path in root.rglob("*") if path.is_file() and not path.is_fifo()
        }
        with pytest.raises(ValueError) as error:
            store.export(root / target if target else "", replace=True)
        assert message.format(root) in str(error.value)
    assert {p: p.read_bytes() for p in root.rglob("*") if p.is_file() and not p.is_fifo()} == regular


@pytest.mark.parametrize("target", ["out/", "out.parquet/", "2026.11/", "deep/er", "a[1]*?'\"#/"])
def test_a_directory_is_made_of_any_name_with_a_slash_behind(
    target: str, small: QueryStore, tmp_path: Path
) -> None:
    (tmp_path / "deep").mkdir()
    report = small.export(f"{tmp_path}/{target}", views=["sessions"])
    assert report.format == "parquet" and report.target == f"{tmp_path}/{target}".rstrip("/")
    assert (tmp_path / target / "sessions.parquet").is_file()


def test_files_are_as_readable_as_any_other(small: QueryStore, tmp_path: Path) -> None:
    (tmp_path / "other").write_text("x")
    (tmp_path / "folder").mkdir()
    for name in WRITERS:
        small.export(tmp_path / name, views=["sessions"])
    assert (tmp_path / "out").stat().st_mode == (tmp_path / "folder").stat().st_mode
    for name in ("out.duckdb", "out.sqlite", "out/sessions.parquet"):
        assert (tmp_path / name).stat().st_mode == (tmp_path / "other").stat().st_mode


def test_rows_stream_through_in_batches(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_sink(tmp_path / "sink", {"segment-000001.jsonl": busy_session("s-1", 25_000)})
    sizes: list[int] = []
    write = ParquetWriter.write

    def counted(self: Writer, table: Any, schema: Any, batches: Iterator[Any]) -> None:
        def passed() -> Iterator[Any]:
            for batch in batches:
                sizes.append(batch.num_rows)
                yield batch

        write(self, table, schema, passed())

    monkeypatch.setattr(ParquetWriter, "write", counted)
    with stormlog.query.open(tmp_path / "sink", cache=False, memory_limit="300MB") as store:
        report = store.export(tmp_path / "out", views=["memory_readings"])
    assert report.row_count == 25_000 == event_count_of_readings(tmp_path / "out")
    assert max(sizes) <= files._BATCH_ROWS < 25_000


def event_count_of_readings(target: Path) -> int:
    return int(
        duckdb.connect().sql(f"SELECT count(*) FROM '{target}/memory_readings.parquet'").fetchall()[0][0]
    )


def test_a_closed_store_and_a_strict_one_say_so(runs: Path, tmp_path: Path) -> None:
    closed = stormlog.query.open(runs, cache=False)
    closed.close()
    with pytest.raises(QueryError, match="the store is closed"):
        closed.export(tmp_path / "out.duckdb")
    assert list(tmp_path.iterdir()) == []
