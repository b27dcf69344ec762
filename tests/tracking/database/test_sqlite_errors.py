"""What an error of SQLite means, wherever it happens: damaged, busy, not usable, or a defect of Stormlog."""

from __future__ import annotations

import ast
import contextlib
import multiprocessing
import os
import shutil
import sqlite3
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import stormlog
from stormlog import _sqlite as sqlite_files
from stormlog._sqlite import explained, explaining
from stormlog.errors import MigrationError, SourceError, StoreBusyError
from stormlog.tracking import Tracker
from stormlog.tracking.database.migrations import load_migrations, migrate
from tests.apps.cli.runner import stormlog as run
from tests.apps.cli.samples import capture
from tests.tracking.database.test_store import as_nobody
from tests.tracking.people import new_tracker, seen

BUSY, DAMAGED, UNUSABLE = StoreBusyError, MigrationError, SourceError

#: Primary result code -> error; any other code leaves the error as it is while the file is sound.
MEANINGS: dict[str, type[Exception]] = {
    "SQLITE_BUSY": BUSY,
    "SQLITE_LOCKED": BUSY,
    "SQLITE_PROTOCOL": BUSY,
    "SQLITE_SCHEMA": BUSY,
    "SQLITE_CORRUPT": DAMAGED,
    "SQLITE_FORMAT": DAMAGED,
    "SQLITE_NOTADB": DAMAGED,
    "SQLITE_CANTOPEN": UNUSABLE,
    "SQLITE_FULL": UNUSABLE,
    "SQLITE_IOERR": UNUSABLE,
    "SQLITE_NOLFS": UNUSABLE,
    "SQLITE_PERM": UNUSABLE,
    "SQLITE_READONLY": UNUSABLE,
}
EXTENDED: dict[str, type[Exception]] = {
    "SQLITE_IOERR_SHORT_READ": DAMAGED,
    "SQLITE_IOERR_CORRUPTFS": DAMAGED,
    "SQLITE_IOERR_DATA": DAMAGED,
    "SQLITE_IOERR_NOMEM": MemoryError,
}
PRIMARY_NAMES = """
ABORT AUTH BUSY CANTOPEN CONSTRAINT CORRUPT EMPTY ERROR FORMAT FULL INTERNAL INTERRUPT IOERR LOCKED MISMATCH MISUSE
NOLFS NOMEM NOTADB NOTFOUND NOTICE PERM PROTOCOL RANGE READONLY SCHEMA TOOBIG WARNING
"""
PRIMARY = {getattr(sqlite3, f"SQLITE_{name}"): f"SQLITE_{name}" for name in PRIMARY_NAMES.split()}


def error_of(name: str, code: int, text: str = "something") -> sqlite3.Error:
    error = sqlite3.DatabaseError(text)
    error.sqlite_errorname, error.sqlite_errorcode = name, code
    return error


def codes() -> list[tuple[str, int]]:
    """Return all result codes that this SQLite knows, extended ones too."""
    found = dict(PRIMARY.items())
    for name in dir(sqlite3):
        base = next((p for p in PRIMARY.values() if name.startswith(f"{p}_")), None)
        code = getattr(sqlite3, name)
        if base is not None and isinstance(code, int) and code > 0xFF and PRIMARY.get(code & 0xFF) == base:
            found[code] = name
    return sorted((name, code) for code, name in found.items())


@pytest.mark.parametrize(("name", "code"), codes())
def test_every_code_of_sqlite_has_one_meaning(name: str, code: int, tmp_path: Path) -> None:
    new_tracker(tmp_path).close()
    error = error_of(name, code)
    found = explained(error, tmp_path / "tracker.db")
    meaning = EXTENDED.get(name) or MEANINGS.get(PRIMARY[code & 0xFF])
    if meaning is None:
        assert found is error
    else:
        assert type(found) is meaning


def test_there_are_all_codes() -> None:
    assert len(codes()) > 80


@pytest.mark.parametrize(
    "text",
    [
        "no such table: issues",
        "no such column: i.title",
        "table issues has no column named title",
        "unsupported file format",
        "malformed JSON",
        "Could not decode to UTF-8 column 'title' with text 'x'",
    ],
)
def test_what_only_a_damaged_file_lacks_is_damage(text: str, tmp_path: Path) -> None:
    assert isinstance(explained(sqlite3.OperationalError(text), tmp_path / "tracker.db"), MigrationError)


def test_a_failure_in_a_sound_file_is_a_defect_and_in_a_damaged_one_is_damage(tmp_path: Path) -> None:
    path = tmp_path / "tracker.db"
    with new_tracker(tmp_path) as tracker:
        for number in range(20):
            seen(tracker, f"F{number}")
    for error in (error_of("SQLITE_CONSTRAINT_UNIQUE", 2067), TypeError("an integer is required")):
        with pytest.raises(type(error)), explaining(path):
            raise error
    overwrite(path, root_of(path, "issues"), b"\xff")
    for error in (error_of("SQLITE_CONSTRAINT_UNIQUE", 2067), TypeError("an integer is required")):
        with pytest.raises(MigrationError, match="damaged"), explaining(path):
            raise error


def test_few_modules_catch_errors_of_sqlite() -> None:
    """`stormlog._sqlite` explains them; conditions of people, and their own files, fail in ways of their own."""
    folder = Path(stormlog.__file__).parent
    catching = set()
    for path in folder.rglob("*.py"):
        text = path.read_text(encoding="utf-8")
        for node in ast.walk(ast.parse(text)) if "sqlite3" in text else ():
            caught = node.type if isinstance(node, ast.ExceptHandler) else None
            tested = node.args[1] if is_isinstance(node) else None  # type: ignore[attr-defined]
            for named in (caught, tested):
                if named is not None and names_error(named):
                    catching.add(str(path.relative_to(folder)))
    assert catching == {
        "_sqlite.py",
        "engine/own_tables/sqlite_tables.py",
        "exporting/files.py",
        "tracking/reading/conditions.py",
    }


def is_isinstance(node: ast.AST) -> bool:
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "isinstance"


def names_error(node: ast.AST) -> bool:
    return any(
        isinstance(part, ast.Attribute)
        and isinstance(part.value, ast.Name)
        and part.value.id == "sqlite3"
        and (part.attr.endswith("Error") or part.attr == "Warning")
        for part in ast.walk(node)
    )


# ---- files of every kind, and every command -----------------------------------------------------------------


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sqlite_files, "BUSY_S", 0.05)


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """A tracker without a log, recorded once and to be copied, and one of its issues; its telemetry lies beside it."""
    folder = tmp_path_factory.mktemp("recorded")
    (folder / "runs").mkdir()
    runs = capture(folder / "runs")
    path = folder / "tracker.db"
    assert run("scan", runs, "--db", path, "--settle", "0s", "-q").status == 0
    with Tracker(path) as tracker:
        for number in range(30):
            tracker.record_error("x" * 300 + "abcdefghijklmnopqrstuvwxyzABCD"[number], session_id="s")
        issue_id = tracker.list_issues().issues[0].issue_id
    with contextlib.closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA journal_mode = DELETE")
    return path, issue_id


@pytest.fixture
def known(recorded: tuple[Path, str], tmp_path: Path) -> tuple[Path, Path, str]:
    """A tracker without a log, the telemetry that it knows, and one of its issues."""
    shutil.copytree(recorded[0].parent, tmp_path, dirs_exist_ok=True)
    return tmp_path / "tracker.db", tmp_path / "runs" / "events.jsonl", recorded[1]


def commands(path: Path, runs: Path, issue_id: str) -> list[list[str]]:
    """Return a command line of every kind that opens the tracker."""
    words = [
        ["issues", "list"],
        ["issues", "show", issue_id],
        ["issues", "resolve", issue_id, "--version", "2"],
        ["scan", str(runs), "--full", "-q"],
        ["gate", str(runs), "-q"],
        ["db", "check"],
        ["db", "status"],
        ["db", "migrate"],
        ["db", "backup", str(path.with_name("copy.db")), "--force"],
        ["db", "purge"],
        ["notify", "--dry-run"],
        ["projects", "list"],
    ]
    lines = [[*line, "--db", str(path)] for line in words]
    return [*lines, ["query", "issues", str(runs), "--tracker", str(path), "-q"]]


def statuses(known: tuple[Path, Path, str], make: Callable[[Path], Any]) -> dict[str, int]:
    """Run every command on what ``make`` makes of the tracker, each on a new one."""
    path, runs, issue_id = known
    found = {}
    good = path.read_bytes()
    for line in commands(path, runs, issue_id):
        for left in path.parent.glob("tracker.db*"):
            left.unlink()
        path.write_bytes(good)
        make(path)
        outcome = run(*line)
        assert "Traceback" not in outcome.stderr
        assert "defect" not in outcome.stderr, (line, outcome.stderr)
        found[" ".join(line[:2] if line[0] in ("issues", "db", "query") else line[:1])] = outcome.status
    return found


def overwrite(path: Path, page: int, what: bytes) -> None:
    with path.open("r+b") as file:
        file.seek(16)
        size = int.from_bytes(file.read(2), "big")
        file.seek((page - 1) * size)
        file.write((what * size)[:size])


def root_of(path: Path, name: str) -> int:
    with contextlib.closing(sqlite3.connect(path)) as connection:
        sql = "SELECT rootpage FROM sqlite_master WHERE name = ?"
        return int(connection.execute(sql, [name]).fetchone()[0])


def test_every_command_calls_a_damaged_table_damage(known: tuple[Path, Path, str]) -> None:
    found = statuses(known, lambda path: overwrite(path, root_of(path, "issues"), b"\xff"))
    # These read other tables.
    elsewhere = {"db purge", "notify", "projects"}
    assert {status for name, status in found.items() if name not in elsewhere} == {7}
    assert {found[name] for name in elsewhere} <= {0, 7}


def test_a_copy_of_a_damaged_store_replaces_no_sound_one(known: tuple[Path, Path, str]) -> None:
    path = known[0]
    copy = path.with_name("copy.db")
    assert run("db", "backup", copy, "--db", path).status == 0
    sound = copy.read_bytes()
    overwrite(path, root_of(path, "issues"), b"\xff")
    assert run("db", "backup", copy, "--db", path, "--force").status == 7
    assert copy.read_bytes() == sound
    assert sorted(file.name for file in path.parent.iterdir()) == [
        "copy.db",
        "runs",
        "tracker.db",
        "tracker.db.scan.lock",
    ]


@pytest.mark.parametrize("number, what", list(enumerate([b"\xff", b"\x00", b"\x0d\x00\x00\x01"])))
def test_no_damaged_page_is_called_a_defect(known: tuple[Path, Path, str], number: int, what: bytes) -> None:
    path, runs, issue_id = known
    good = path.read_bytes()
    size = int.from_bytes(good[16:18], "big")
    lines = commands(path, runs, issue_id)
    for page in range(1 + number, len(good) // size + 1, 3):
        line = lines[(page * 3 + number) % len(lines)]
        path.write_bytes(good)
        overwrite(path, page, what)
        outcome = run(*line)
        assert outcome.status in (0, 3, 7, 10), (page, line, outcome)


def test_files_that_are_no_trackers_are_told_by_every_command(known: tuple[Path, Path, str]) -> None:
    def foreign(path: Path) -> None:
        path.unlink()
        with contextlib.closing(sqlite3.connect(path)) as connection:
            connection.execute("CREATE TABLE friends (name)")
            connection.commit()

    def header(path: Path) -> None:
        path.write_bytes(b"dear diary\n" * 1000)

    for make in (foreign, header):
        assert set(statuses(known, make).values()) == {7}


@pytest.mark.parametrize("size", [99, 100, 511, 4096, 20000])
def test_a_tracker_that_was_cut_is_damaged(known: tuple[Path, Path, str], size: int) -> None:
    found = statuses(known, lambda path: os.truncate(path, size))
    assert set(found.values()) <= {7}, found


def test_a_tracker_that_is_being_made_does_not_exist_yet(known: tuple[Path, Path, str]) -> None:
    """As readers see it that come between the first scan and its first table."""

    def empty(path: Path) -> None:
        path.write_bytes(b"")

    def without_tables(path: Path) -> None:
        path.write_bytes(b"")
        with contextlib.closing(sqlite3.connect(path)) as connection:
            connection.execute("PRAGMA journal_mode = WAL")

    for make in (empty, without_tables):
        found = statuses(known, make)
        assert {
            found[name] for name in ("issues list", "issues show", "db check", "query issues", "projects")
        } == {3}
        assert 7 not in found.values()


def test_a_store_is_made_whole_or_not_at_all(tmp_path: Path) -> None:
    path = tmp_path / "tracker.db"
    seen_tables = []
    with (
        contextlib.closing(sqlite3.connect(path, isolation_level=None)) as maker,
        contextlib.closing(sqlite3.connect(path)) as reader,
    ):
        sql = "SELECT count(*) FROM sqlite_master"
        maker.set_trace_callback(lambda _: seen_tables.append(reader.execute(sql).fetchone()[0]))
        maker.execute("PRAGMA journal_mode = WAL")
        migrate(maker, path)
        maker.set_trace_callback(None)
        final = reader.execute(sql).fetchone()[0]
    assert len(seen_tables) > 20
    assert set(seen_tables) == {0}
    assert final > 20
    assert len(load_migrations()) > 1


def hold(path: str, is_held: Any, may_end: Any) -> None:
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("PRAGMA locking_mode = EXCLUSIVE")
        connection.execute("BEGIN EXCLUSIVE")
        is_held.set()
        may_end.wait(60)


def test_a_tracker_that_another_process_has_locked_is_busy(known: tuple[Path, Path, str]) -> None:
    path, runs, issue_id = known
    process = multiprocessing.get_context("spawn")
    is_held, may_end = process.Event(), process.Event()
    holder = process.Process(target=hold, args=(str(path), is_held, may_end))
    holder.start()
    try:
        assert is_held.wait(60)
        for line in commands(path, runs, issue_id):
            outcome = run(*line)
            assert outcome.status == 6, (line, outcome)
            assert "try again" in outcome.stderr
    finally:
        may_end.set()
        holder.join()


def test_a_folder_in_place_of_a_tracker_cannot_be_used(
    known: tuple[Path, Path, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    path, runs, issue_id = known
    monkeypatch.setenv("STORMLOG_DB", str(path.parent))
    for line in commands(path, runs, issue_id)[:-1]:
        assert run(*line[:-2]).status == 3, line
        assert run(*line[:-1], str(path.parent)).status == 2, line


def test_a_pipe_in_place_of_a_tracker_is_refused_at_once(known: tuple[Path, Path, str]) -> None:
    path, runs, issue_id = known
    pipe = path.with_name("pipe.db")
    os.mkfifo(pipe)
    for line in commands(pipe, runs, issue_id):
        outcome = run(*line)
        assert (outcome.status, "not a regular file" in outcome.stderr) == (3, True), line


def test_a_damaged_log_is_never_a_defect(known: tuple[Path, Path, str]) -> None:
    def with_damaged_log(path: Path) -> None:
        with new_tracker(path.parent) as tracker:
            seen(tracker)
            log = path.with_name("tracker.db-wal")
            content = bytearray(log.read_bytes())
        content[40 : len(content) // 2] = os.urandom(len(content) // 2 - 40)
        log.write_bytes(content)

    assert set(statuses(known, with_damaged_log).values()) <= {0, 3, 4, 7, 10}


@pytest.mark.parametrize("has_log", [False, True])
def test_what_may_not_be_written_is_told_with_status_3(has_log: bool) -> None:
    # Not below pytest's folder, which belongs to whoever runs the tests alone.
    with tempfile.TemporaryDirectory() as folder, contextlib.ExitStack() as stack:
        place = Path(folder)
        runs = capture(place)
        with new_tracker(place) as tracker:
            issue = seen(tracker)
            if has_log:
                stack.enter_context(contextlib.closing(sqlite3.connect(place / "tracker.db"))).execute(
                    "SELECT count(*) FROM issues"
                ).fetchone()
        for file in place.iterdir():
            file.chmod(0o444)
        place.chmod(0o555)
        stack.callback(place.chmod, 0o755)
        assert as_nobody(lambda: use_read_only(place / "tracker.db", runs, issue.issue_id)) == 0


def use_read_only(path: Path, runs: Path, issue_id: str) -> None:
    os.environ["STORMLOG_CACHE"] = "off"
    written = {"resolve", "scan", "migrate", "backup", "purge"}
    for line in commands(path, runs, issue_id):
        outcome = run(*line)
        expected = (3,) if written.intersection(line) and "migrate" not in line else (0, 3, 10)
        assert outcome.status in expected, (line, outcome)
