"""A question that fails leaves nothing behind: the next one is answered as if it had never been asked."""

from __future__ import annotations

import errno
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import Any

import duckdb
import pytest

import stormlog.query
from stormlog.engine.database.lazy_schema import Database
from stormlog.engine.index import updating
from stormlog.engine.index.location import LAYOUT
from stormlog.engine.reading import line_chunks
from stormlog.engine.reading import line_files as line_reading
from stormlog.engine.reading.temporary_files import TemporaryFiles
from stormlog.errors import QueryError
from tests.engine.index.answers import (
    answer_text,
    cold_answer,
    forget_answers,
    issues_of,
    issues_text,
    read_in_batches,
    warm_answer,
)
from tests.engine.index.changes import text_of
from tests.engine.index.mixes import append
from tests.engine.reading.test_parquet_rows import sink_of, table
from tests.query.sinks import START_NS, busy_session, write_lines


@pytest.fixture
def files(tmp_path: Path) -> Path:
    return write_files(tmp_path / "files")


@pytest.fixture(scope="module")
def of_grown_files(tmp_path_factory: pytest.TempPathFactory) -> str:
    """What such files say when they have grown once; ``<ROOT>`` stands for their folder."""
    folder = write_files(tmp_path_factory.mktemp("grown once") / "files")
    grow(folder)
    return cold_answer(folder, folder)


def write_files(folder: Path) -> Path:
    folder.mkdir()
    for number in range(3):
        write_lines(folder / f"{number}.jsonl", busy_session(f"s{number}", 20))
    return folder


def grow(files: Path, number: int = 1) -> None:
    for path in sorted(files.glob("*.jsonl")):
        session = busy_session(f"s{path.stem}", 20, start_ns=START_NS + number * 10**12)
        append(path, session)
        append(path, b"{bad\n" + text_of("torn", 20)[:300])


class Failing:
    """Makes the statement with some number fail, counted from `begin`."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.left, self.count = -1, 0
        execute = Database.execute

        def failing(database: Database, *given: Any) -> Any:
            self.count += 1
            self.left -= 1
            if self.left == 0:
                raise duckdb.InterruptException("INTERRUPT Error: Interrupted!")
            return execute(database, *given)

        monkeypatch.setattr(Database, "execute", failing)


@pytest.mark.parametrize("has_cache", [True, False], ids=["index", "memory"])
def test_interrupted_at_any_statement(
    files: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, has_cache: bool, of_grown_files: str
) -> None:
    read_in_batches(monkeypatch, 30_000)
    failing = Failing(monkeypatch)
    cache: Path | bool = tmp_path / "cache" if has_cache else False
    with stormlog.query.open(files, cache=cache) as store:
        store.list_issues()
        grow(files)
        store.refresh()
        # One store suffers all of it: each failure comes on top of the ones before.
        at = 1
        while True:
            failing.left = at
            try:
                store.list_issues()
            except QueryError:
                at += 5
                continue
            if failing.left > 0:
                break
        failing.left = -1
        assert at > 20
        assert answer_text(store, files) == of_grown_files
    if has_cache:
        assert warm_answer(files, tmp_path / "cache", files) == of_grown_files


def test_interrupted_between_batches_of_an_append(
    files: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, of_grown_files: str
) -> None:
    """The index file counts files that are yet to be read as they were before, with their parts."""
    read_in_batches(monkeypatch, 10_000)
    cache = tmp_path / "cache"
    issues_of(files, cache)
    grow(files)
    stage, staged = updating.stage_batch, []

    def failing(database: Database) -> None:
        staged.append(1)
        if len(staged) == 2:
            raise duckdb.InterruptException("INTERRUPT Error: Interrupted!")
        stage(database)

    monkeypatch.setattr(updating, "stage_batch", failing)
    with stormlog.query.open(files, cache=cache) as store, pytest.raises(QueryError):
        store.list_issues()
    monkeypatch.undo()

    assert warm_answer(files, cache, files) == of_grown_files


def test_grown_files_in_several_batches(files: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    read_in_batches(monkeypatch, 10_000)
    # Two files: each of them grows in a batch of its own.
    (files / "2.jsonl").unlink()
    for number in range(2):
        issues_of(files, tmp_path / "cache")
        grow(files, number)
    issues_of(files, tmp_path / "cache")
    (answers,) = (tmp_path / "cache").glob(f"{LAYOUT}/*/answers")
    for path in answers.iterdir():
        path.unlink()
    assert issues_of(files, tmp_path / "cache") == issues_of(files, False)


def fails_once(monkeypatch: pytest.MonkeyPatch, owner: Any, name: str, when: Callable[..., bool]) -> None:
    real = getattr(owner, name)
    failed = []

    def failing(*given: Any, **more: Any) -> Any:
        if not failed and when(*given):
            failed.append(1)
            raise OSError(errno.EIO, "Input/output error")
        return real(*given, **more)

    monkeypatch.setattr(owner, name, failing)


def test_what_a_file_gained_cannot_be_copied(
    files: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, of_grown_files: str
) -> None:
    """On a full disk a grown file is read as a whole, and nothing of it counts twice."""
    issues_of(files, tmp_path / "cache")
    grow(files)
    fails_once(
        monkeypatch, TemporaryFiles, "copy_range", lambda temporary_files, path, start, *rest: start > 0
    )

    for _ in range(2):
        assert warm_answer(files, tmp_path / "cache", files) == of_grown_files


def test_a_file_that_could_not_be_read_for_a_moment(
    files: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing about the file says that it can be read again, so failures are not kept."""
    # Damage makes Python read the file too.
    append(files / "1.jsonl", b"\xff\n")
    fails_once(monkeypatch, line_chunks, "needs_repair", lambda *given: True)
    first = issues_of(files, tmp_path / "cache")
    assert "Input/output error" in first
    monkeypatch.undo()

    assert warm_answer(files, tmp_path / "cache") == cold_answer(files)


def test_interrupt_within_a_parquet_segment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is no damage of the file."""
    from stormlog.engine.reading import parquet_rows

    sink = sink_of(tmp_path / "sink", table(busy_session("s", 40)))
    with stormlog.query.open(sink, cache=tmp_path / "cache") as store:
        for error in (duckdb.InterruptException, duckdb.OutOfMemoryException):

            def failing(*given: Any, error: type[Exception] = error) -> str:
                raise error("no")

            monkeypatch.setattr(parquet_rows, "parquet_lines", failing)
            with pytest.raises(QueryError):
                store.list_issues()
            monkeypatch.undo()
        assert answer_text(store) == cold_answer(sink)


# ---- files that change while they are read -----------------------------------------------------------------


def before_scan(monkeypatch: pytest.MonkeyPatch, change: Callable[[], object]) -> None:
    """Let something happen between looking at the files and scanning them, once."""
    scan, pending = line_reading.LineReader._scan, [change]

    def changing(self: Any, *given: Any, **more: Any) -> bool:
        while pending:
            pending.pop()()
        return scan(self, *given, **more)

    monkeypatch.setattr(line_reading.LineReader, "_scan", changing)


@pytest.fixture(scope="module")
def issues_after(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., str]:
    """What files say that grew by these numbers, one after the other."""

    @lru_cache
    def issues(*numbers: int) -> str:
        folder = write_files(tmp_path_factory.mktemp("grown") / "files")
        for number in numbers:
            grow(folder, number)
        return issues_of(folder, False)

    return issues


@pytest.mark.parametrize("copied_bytes", [0, 1 << 20], ids=["in place", "copied"])
@pytest.mark.parametrize("is_known", [False, True], ids=["new", "known"])
def test_growing_while_it_is_read(
    files: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    issues_after: Callable[..., str],
    copied_bytes: int,
    is_known: bool,
) -> None:
    monkeypatch.setattr(line_chunks, "_COPIED_BYTES", copied_bytes)
    grown = []
    if is_known:
        issues_of(files, tmp_path / "cache")
        grow(files, 1)
        grown = [1]
    before_scan(monkeypatch, lambda: grow(files, 2))
    with stormlog.query.open(files, cache=tmp_path / "cache") as store:
        assert issues_text(store, files) == issues_after(*grown)
        store.refresh()
        assert issues_text(store, files) == issues_after(*grown, 2)
    forget_answers(tmp_path / "cache")
    assert issues_of(files, tmp_path / "cache") == issues_after(*grown, 2)


def let_later_events_follow(files: Path) -> None:
    """Append to the file that changed, if it is still there."""
    for path in sorted(files.glob("1.jsonl")):
        append(path, busy_session("later", 20))


@pytest.fixture(scope="module")
def issues_after_change(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., str]:
    """What files say of which one was changed, and went on later."""

    @lru_cache
    def issues(change: Callable[[Path], object]) -> str:
        folder = write_files(tmp_path_factory.mktemp("changed") / "files")
        change(folder / "1.jsonl")
        let_later_events_follow(folder)
        return issues_of(folder, False)

    return issues


@pytest.mark.parametrize("copied_bytes", [0, 1 << 20], ids=["in place", "copied"])
@pytest.mark.parametrize(
    "change",
    [
        lambda path: path.write_bytes(text_of("other", 60)),
        lambda path: path.write_bytes(text_of("other", 20)[:3000]),
        lambda path: (path.rename(path.with_name("9.jsonl")), path.write_bytes(text_of("other", 60))),
        lambda path: path.unlink(),
        lambda path: path.write_bytes(b"\xff\r"),
    ],
    ids=["rewritten longer", "rewritten shorter", "rotated", "deleted", "damaged"],
)
def test_changing_while_it_is_read(
    files: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    issues_after_change: Callable[..., str],
    change: Callable[[Path], object],
    copied_bytes: int,
) -> None:
    """This one answer may be of before, after or between; what is kept of it must not show later."""
    monkeypatch.setattr(line_chunks, "_COPIED_BYTES", copied_bytes)
    before_scan(monkeypatch, lambda: change(files / "1.jsonl"))
    with stormlog.query.open(files, cache=tmp_path / "cache") as store:
        store.list_issues()
        let_later_events_follow(files)
        store.refresh()
        wanted = issues_after_change(change)
        assert issues_text(store, files) == wanted
    forget_answers(tmp_path / "cache")
    assert issues_of(files, tmp_path / "cache") == wanted


def test_a_store_that_follows_its_files_fills_no_disk(files: Path, tmp_path: Path) -> None:
    spill = tmp_path / "spill"
    spill.mkdir()
    with stormlog.query.open(files, cache=tmp_path / "cache", spill_directory=str(spill)) as store:
        for number in range(4):
            grow(files, number)
            store.refresh()
            store.query_events()
            assert [path for path in spill.rglob("*") if path.is_file()] == []
