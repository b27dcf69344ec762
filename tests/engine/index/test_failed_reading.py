"""A question that fails leaves nothing behind: the next one is answered as if it had never been asked."""

from __future__ import annotations

import errno
import json
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import duckdb
import pytest

import stormlog.query
from stormlog.engine.database.lazy_schema import Database
from stormlog.engine.index import updating
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
from tests.soak import few_or_many


@pytest.fixture
def files(tmp_path: Path) -> Path:
    return write_files(tmp_path / "files")


@pytest.fixture(scope="module")
def of_grown_files(tmp_path_factory: pytest.TempPathFactory) -> str:
    """What such files say when they have grown once; ``<ROOT>`` stands for their folder."""
    folder = write_files(tmp_path_factory.mktemp("grown once") / "files")
    grow(folder)
    return cold_answer(folder, folder)


def assert_indexed(files: Path, cache: Path, wanted: str) -> None:
    """Ask a new store for all that comes from the index: the first part of an answer."""
    told = warm_answer(files, cache, files, with_events=False)
    assert "evidence: " in told and wanted.startswith(f"{told}\nsessions: ")


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
                at += few_or_many(7, 1)
                continue
            if failing.left > 0:
                break
        failing.left = -1
        assert at > 20
        assert answer_text(store, files) == of_grown_files
    if has_cache:
        assert_indexed(files, tmp_path / "cache", of_grown_files)


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

    assert_indexed(files, cache, of_grown_files)


def test_grown_files_in_several_batches(files: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    read_in_batches(monkeypatch, 10_000)
    # Two files: each of them grows in a batch of its own.
    (files / "2.jsonl").unlink()
    with stormlog.query.open(files, cache=tmp_path / "cache") as store:
        for number in range(2):
            store.list_issues()
            grow(files, number)
            store.refresh()
        wanted = issues_of(files, False)
        assert issues_text(store, files) == wanted
    forget_answers(tmp_path / "cache")
    assert issues_of(files, tmp_path / "cache") == wanted


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
        assert_indexed(files, tmp_path / "cache", of_grown_files)


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

    assert issues_of(files, tmp_path / "cache") == issues_of(files, False)


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


def before_scan(monkeypatch: pytest.MonkeyPatch, changes: dict[Path, Callable[[Path], object]]) -> None:
    """Let something happen to files between looking at each of them and scanning it, once."""
    scan, pending = line_reading.LineReader._scan, dict(changes)

    def changing(self: Any, chunks: Any, *given: Any, **more: Any) -> bool:
        for path in {Path(chunk.task.origin.path) for chunk in chunks} & pending.keys():
            pending.pop(path)(path)
        return scan(self, chunks, *given, **more)

    monkeypatch.setattr(line_reading.LineReader, "_scan", changing)


def evidence_by_folder(told: str) -> dict[str, list[str]]:
    """Return the evidence and the skipped lines that `issues_text` names, by the folder of their files."""
    found: dict[str, list[str]] = defaultdict(list)
    answers = {
        name: json.loads(rows) for name, _, rows in (line.partition(": ") for line in told.splitlines())
    }
    for issue in answers["issues"]:
        for link in issue["evidence"]:
            found[Path(link["source_path"]).parent.name].append(f"{issue['fingerprint']} {link}")
    for reject in answers["rejects"]:
        found[Path(reject[0]).parent.name].append(str(reject))
    return found


@pytest.fixture(scope="module", params=[0, 1 << 20], ids=["in place", "copied"])
def copied_bytes(request: pytest.FixtureRequest) -> Iterator[int]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(line_chunks, "_COPIED_BYTES", request.param)
        yield request.param


def write_named(folder: Path) -> list[Path]:
    """Write two files with a session each, which no other folder has."""
    folder.mkdir(parents=True)
    return [
        write_lines(folder / f"{number}.jsonl", busy_session(f"{folder.name} {number}", 20))
        for number in range(2)
    ]


def grow_named(path: Path, number: int) -> None:
    append(path, busy_session(f"{path.parent.name} {path.stem}", 20, start_ns=START_NS + number * 10**12))
    append(path, b"{bad\n" + text_of("torn", 20)[:300])


@pytest.fixture(scope="module")
def of_growing(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, str]:
    """What files say of which some have grown once, and when all have grown again."""
    folder = tmp_path_factory.mktemp("grown") / "files"
    known, new = (write_named(folder / name) for name in ("known", "new"))
    for path in known:
        grow_named(path, 1)
    before = issues_of(folder, False)
    for path in known + new:
        grow_named(path, 2)
    return before, issues_of(folder, False)


@pytest.fixture(scope="module")
def told_of_growing(copied_bytes: int, tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """What is told of files that grow while they are read: new ones, and such of which an index knows a part.

    By a store before and after it looks again, and by one that has its index.
    """
    folder = tmp_path_factory.mktemp("growing")
    files, cache = folder / "files", folder / "cache"
    known = write_named(files / "known")
    issues_of(files, cache)
    for path in known:
        grow_named(path, 1)
    new = write_named(files / "new")
    with pytest.MonkeyPatch.context() as patch:
        before_scan(patch, dict.fromkeys(known + new, lambda path: grow_named(path, 2)))
        with stormlog.query.open(files, cache=cache) as store:
            first = issues_text(store, files)
            store.refresh()
            refreshed = issues_text(store, files)
    forget_answers(cache)
    return [first, refreshed, issues_of(files, cache)]


@pytest.mark.parametrize("name", ["new", "known"])
def test_growing_while_it_is_read(told_of_growing: list[str], of_growing: tuple[str, str], name: str) -> None:
    first, refreshed, known, before, later = (
        evidence_by_folder(told)[name] for told in (*told_of_growing, *of_growing)
    )

    assert first == before != later
    assert refreshed == known == later


def test_all_that_grew_while_it_was_read(told_of_growing: list[str], of_growing: tuple[str, str]) -> None:
    before, later = of_growing

    assert told_of_growing == [before, later, later]


#: What happens to a file while it is read. Each has a folder of its own.
CHANGES: dict[str, Callable[[Path], object]] = {
    "longer": lambda path: path.write_bytes(text_of("other longer", 60)),
    "shorter": lambda path: path.write_bytes(text_of("other shorter", 20)[:3000]),
    "rotated": lambda path: (
        path.rename(path.with_name("9.jsonl")),
        path.write_bytes(text_of("other rotated", 60)),
    ),
    "deleted": lambda path: path.unlink(),
    "damaged": lambda path: path.write_bytes(b"\xff\r"),
}


def let_later_events_follow(paths: Iterable[Path]) -> None:
    """Append to the files that changed and are still there."""
    for path in paths:
        if path.exists():
            append(path, busy_session(f"later {path.parent.name}", 20))


@pytest.fixture(scope="module")
def of_changed(tmp_path_factory: pytest.TempPathFactory) -> str:
    """What files say of which one in each folder was changed, and went on later."""
    files = tmp_path_factory.mktemp("changed") / "files"
    for name, change in CHANGES.items():
        path = write_named(files / name)[1]
        change(path)
        let_later_events_follow([path])
    return issues_of(files, False)


@pytest.fixture(scope="module")
def told_of_changing(copied_bytes: int, tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """What is told of files that changed while they were read: by that store, and by one that has its index.

    Each folder is read by itself. The first answer may be of before, after or between; what is kept of it must not
    show later.
    """
    folder = tmp_path_factory.mktemp("changing")
    files, cache = folder / "files", folder / "cache"
    changing = {write_named(files / name)[1]: change for name, change in CHANGES.items()}
    with pytest.MonkeyPatch.context() as patch:
        read_in_batches(patch, 30_000)
        before_scan(patch, changing)
        with stormlog.query.open(files, cache=cache) as store:
            store.list_issues()
            let_later_events_follow(changing)
            store.refresh()
            told = issues_text(store, files)
    forget_answers(cache)
    return [told, issues_of(files, cache)]


@pytest.mark.parametrize("change", CHANGES)
def test_changing_while_it_is_read(told_of_changing: list[str], of_changed: str, change: str) -> None:
    refreshed, known, wanted = (evidence_by_folder(told)[change] for told in (*told_of_changing, of_changed))

    assert refreshed == known == wanted


def test_all_that_changed_while_it_was_read(told_of_changing: list[str], of_changed: str) -> None:
    assert told_of_changing == [of_changed, of_changed]


def test_a_store_that_follows_its_files_fills_no_disk(files: Path, tmp_path: Path) -> None:
    spill = tmp_path / "spill"
    spill.mkdir()
    with stormlog.query.open(files, cache=tmp_path / "cache", spill_directory=str(spill)) as store:
        for number in range(4):
            grow(files, number)
            store.refresh()
            store.query_events()
            assert [path for path in spill.rglob("*") if path.is_file()] == []
