"""Copies of a store that take its place."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path

import pytest

from stormlog.errors import MigrationError, SourceError, StoreBusyError
from stormlog.tracking import Tracker, restore_store
from stormlog.tracking.database.maintenance import back_up_store, check_store
from stormlog.tracking.database.migrations import load_migrations, migrate
from stormlog.tracking.scanning.lock import scan_lock
from tests.apps.cli.runner import stormlog
from tests.tracking.people import new_tracker, of, seen
from tests.tracking.tables import everything


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A tracker with one issue, a copy of it, and then a second issue."""
    with new_tracker(tmp_path) as tracker:
        seen(tracker, "F1")
        back_up_store(tracker.store.path, tmp_path / "copy.db")
        seen(tracker, "F2")
        return tracker.store.path


@pytest.fixture
def copy(path: Path) -> Path:
    return path.parent / "copy.db"


def content(path: Path) -> dict[str, list[str]]:
    with Tracker(path, read_only=True) as tracker:
        return everything(tracker)


def test_a_copy_takes_the_place_of_the_store_which_is_kept(path: Path, copy: Path) -> None:
    before, wanted = content(path), content(copy)
    kept = restore_store(path, copy, replace=True)
    assert kept is not None
    assert (content(path), content(kept)) == (wanted, before)
    assert check_store(path) == []
    again = restore_store(path, kept, replace=True)
    assert again not in (None, kept)
    assert content(path) == before


def test_a_reader_and_a_writer_that_are_open_go_on(path: Path, copy: Path) -> None:
    with Tracker(path, read_only=True) as reader, Tracker(path) as writer:
        assert len(reader.list_issues().issues) == 2
        restore_store(path, copy, replace=True)
        assert len(reader.list_issues().issues) == 1
        writer.claim("1")
        assert of(reader, "F1").status == "in_progress"


def test_a_store_that_is_there_is_replaced_only_if_that_is_said(path: Path, copy: Path) -> None:
    before = content(path)
    with pytest.raises(ValueError, match="--yes"):
        restore_store(path, copy)
    assert content(path) == before


def test_there_need_not_be_a_store(path: Path, copy: Path) -> None:
    new = path.parent / "new.db"
    assert restore_store(new, copy) is None
    assert content(new) == content(copy)


def test_a_damaged_store_is_moved_aside(path: Path, copy: Path) -> None:
    for ending in ("-wal", "-shm"):
        Path(f"{path}{ending}").unlink(missing_ok=True)
    path.write_bytes(b"rubbish" * 1_000)
    kept = restore_store(path, copy, replace=True)
    assert kept is not None
    assert kept.read_bytes() == b"rubbish" * 1_000
    assert content(path) == content(copy)


def test_an_older_copy_is_brought_up_to_date_when_it_is_written(path: Path) -> None:
    older = path.parent / "older.db"
    connection = sqlite3.connect(older, isolation_level=None)
    migrate(connection, older, load_migrations()[:3])
    connection.close()
    restore_store(path, older, replace=True)
    with Tracker(path) as tracker:
        assert tracker.list_issues().issues == []


@pytest.mark.parametrize("wrong", ["missing", "text", "empty", "other", "itself", "miscounted"])
def test_what_is_no_sound_copy_is_refused_and_nothing_is_done(path: Path, copy: Path, wrong: str) -> None:
    before = content(path)
    bad = path.parent / "bad.db"
    if wrong == "text":
        bad.write_text("no database" * 1_000)
    elif wrong == "empty":
        bad.write_bytes(b"")
    elif wrong == "other":
        connection = sqlite3.connect(bad)
        connection.execute("CREATE TABLE t (x)")
        connection.close()
    elif wrong == "itself":
        bad = path
    elif wrong == "miscounted":
        copy.rename(bad)
        connection = sqlite3.connect(bad)
        connection.execute("UPDATE issues SET hit_count = 77")
        connection.commit()
        connection.close()
    with pytest.raises((MigrationError, SourceError, ValueError)):
        restore_store(path, bad, replace=True)
    assert content(path) == before
    assert list(path.parent.glob("*.backup")) == []


def test_nothing_is_restored_while_a_scan_runs(path: Path, copy: Path) -> None:
    with scan_lock(path), pytest.raises(StoreBusyError):
        restore_store(path, copy, replace=True)


def test_the_command_says_what_it_kept(path: Path, copy: Path) -> None:
    refused = stormlog("db", "restore", copy, "--db", path)
    assert (refused.status, "--yes" in refused.stderr) == (2, True)
    answer = json.loads(stormlog("db", "restore", copy, "--db", path, "--yes", "--json").stdout)
    assert (answer["path"], answer["from"]) == (str(path), str(copy))
    assert Path(answer["kept"]).exists()
    assert content(path) == content(copy)


# ---- where a store may be made -------------------------------------------------------------------------


def test_a_tracker_in_a_directory_that_is_not_there_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "nonexist" / "dir" / "t.db"
    with pytest.raises(SourceError, match="no directory"):
        Tracker(path, make_folder=False)
    monkeypatch.setenv("STORMLOG_DB", str(path))
    with pytest.raises(SourceError, match="no directory"):
        Tracker(make_folder=False)
    outcome = stormlog("scan", tmp_path, "--db", path)
    assert outcome.status == 3
    assert not (tmp_path / "nonexist").exists()


def test_the_usual_place_is_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("STORMLOG_DB", raising=False)
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data" / "home"))
    Tracker(make_folder=False).close()
    assert (tmp_path / "data/home/stormlog/tracker.db").exists()
