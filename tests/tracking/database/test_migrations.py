"""Stores of earlier, later and other versions."""

from __future__ import annotations

import contextlib
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from stormlog.errors import MigrationError, SourceError
from stormlog.tracking import Tracker
from stormlog.tracking.database.maintenance import back_up_store, check_store, migrate_store, store_status
from stormlog.tracking.database.migrations import Migration, applied_versions, load_migrations, migrate
from stormlog.tracking.database.store import Store
from tests.tracking.people import new_tracker, seen

STEPS = load_migrations()

#: Rows of each table, by the step that makes the table.
ROWS: dict[int, dict[str, dict[str, Any]]] = {
    1: {
        "projects": {"project_id": "p", "name": "default", "created_ns": 1},
        "apps": {"app_id": "a", "project_id": "p", "name": "train"},
        "issues": {
            "issue_id": "i",
            "project_id": "p",
            "app_id": "a",
            "is_dev": 0,
            "kind": "alert",
            "status": "resolved",
            "title": "Alert: slow",
            "severity": "warning",
            "fix_version": "1.0",
            "occurrence_count": 1,
            "hit_count": 1,
            "run_count": 1,
            "first_seen_ns": 5,
            "last_seen_ns": 5,
            "last_activity_ns": 6,
            "created_ns": 6,
            "updated_ns": 6,
        },
        "issue_fingerprints": {
            "fingerprint_id": "issue:1",
            "app_id": "a",
            "is_dev": 0,
            "issue_id": "i",
            "kind": "alert",
            "schema_version": 1,
            "dimensions_json": "{}",
            "severity": "warning",
            "title": "Alert: slow",
            "title_ns": 5,
            "title_evidence_id": "e",
            "added_ns": 6,
        },
        "issue_occurrences": {
            "occurrence_id": "o",
            "issue_id": "i",
            "app_id": "a",
            "session_id": "s",
            "run_id": "s",
            "ranks_json": "[0]",
            "first_ns": 5,
            "last_ns": 5,
            "hit_count": 1,
            "recorded_ns": 6,
        },
        "issue_evidence_keys": {
            "occurrence_id": "o",
            "evidence_id": "e",
            "fingerprint_id": "issue:1",
            "timestamp_ns": 5,
            "rank": 0,
            "recorded_ns": 6,
        },
        "issue_evidence": {
            "occurrence_id": "o",
            "evidence_id": "e",
            "source_kind": "sink",
            "metadata_json": "{}",
        },
        "issue_comments": {
            "comment_id": "c",
            "issue_id": "i",
            "author_type": "user",
            "author_id": "kim",
            "author_name": "Kim",
            "body": "text",
            "created_ns": 7,
            "updated_ns": 7,
        },
        "issue_merges": {
            "merge_id": "m",
            "source_issue_id": "gone",
            "target_issue_id": "i",
            "source_row_json": "{}",
            "moved_json": "{}",
            "merged_ns": 7,
            "actor": "user:kim",
        },
        "activity": {
            "project_id": "p",
            "issue_id": "i",
            "at_ns": 7,
            "actor_type": "user",
            "actor_id": "kim",
            "action": "resolve",
        },
        "code_versions": {"app_id": "a", "version": "1.0", "first_event_ns": 5},
    },
    2: {
        "scans": {"scan_id": "x", "project_id": "p", "started_ns": 1, "outcome": "completed"},
        "scan_sources": {
            "source_id": "f",
            "project_id": "p",
            "path": "/runs/1.jsonl",
            "kind": "jsonl",
            "source_path": "/runs",
            "size_bytes": 1,
            "mtime_ns": 1,
            "consumed_bytes": 1,
            "head_sha256": "",
            "tail_sha256": "",
            "options_json": "{}",
            "scan_id": "x",
        },
        "finding_sources": {
            "project_id": "p",
            "source_path": "/runs",
            "session_id": "s",
            "fingerprint_id": "issue:1",
            "evidence_id": "finding-1",
        },
    },
    3: {
        "notices": {
            "notice_id": "n",
            "dedupe_key": "k",
            "project_id": "p",
            "channel": "email",
            "recipient": "a@example.org",
            "payload_json": "{}",
            "state": "sent",
            "next_attempt_ns": 1,
            "created_ns": 1,
        },
    },
    4: {
        "session_keys": {"project_id": "p", "digest": "d", "session_key": "session-d"},
        "bundle_keys": {
            "project_id": "p",
            "digest": "d",
            "session_key": "bundle:x",
            "evidence_id": "bundle-x",
        },
    },
    7: {"undo_records": {"activity_id": 1, "group_id": 1}},
    8: {
        "ignore_rules": {
            "project_id": "p",
            "rule_json": '{"kind":"oom"}',
            "actor_type": "user",
            "actor_id": "kim",
            "created_ns": 7,
        },
    },
}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "tracker.db"


@contextlib.contextmanager
def raw(path: Path) -> Any:
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.row_factory = sqlite3.Row
        connection.execute("PRAGMA foreign_keys = ON")
        yield connection


def build(path: Path, version: int) -> dict[str, list[dict[str, Any]]]:
    """Make a store of an earlier version with a row in every table, and return all its rows."""
    with raw(path) as connection:
        migrate(connection, path, STEPS[:version])
        for step in range(1, version + 1):
            for table, row in ROWS.get(step, {}).items():
                names = ", ".join(row)
                marks = ", ".join(f":{name}" for name in row)
                connection.execute(f"INSERT INTO {table} ({names}) VALUES ({marks})", row)
        return content(connection)


def content(connection: sqlite3.Connection) -> dict[str, list[dict[str, Any]]]:
    names = [
        name
        for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
        if name != "schema_migrations"
    ]
    return {name: [dict(row) for row in connection.execute(f"SELECT * FROM {name}")] for name in names}


def backups(path: Path) -> list[Path]:
    return sorted(path.parent.glob(f"{path.name}.*.backup"))


def test_every_table_has_a_row_here(path: Path) -> None:
    assert all(len(rows) == 1 for rows in build(path, len(STEPS)).values())


@pytest.mark.parametrize("version", range(1, len(STEPS) + 1))
def test_a_store_of_every_earlier_version_is_brought_up_to_date_with_its_rows(
    path: Path, version: int
) -> None:
    before = build(path, version)
    Store.open(path).close()
    with raw(path) as connection:
        after = content(connection)
        assert list(applied_versions(connection)) == [step.version for step in STEPS]
        shown = [tuple(row) for row in connection.execute("SELECT number, last_seen_at FROM issues_readable")]
        assert shown == [(1, "1970-01-01T00:00:00.000000005Z")]
    for table, rows in before.items():
        assert [{name: row[name] for name in rows[0]} for row in after[table]] == rows
    assert check_store(path) == []
    with Tracker(path) as tracker:
        (issue,) = tracker.list_issues().issues
        assert (issue.title, issue.status, issue.fix_version) == ("Alert: slow", "resolved", "1.0")

    if version == len(STEPS):
        assert backups(path) == []
        return
    (backup,) = backups(path)
    with raw(backup) as connection:
        assert list(applied_versions(connection)) == list(range(1, version + 1))
        assert content(connection) == before


def test_a_new_store_has_all_steps_and_no_backup(path: Path) -> None:
    Store.open(path).close()
    assert store_status(path).pending == []
    assert backups(path) == []
    assert migrate_store(path) == []


@pytest.mark.parametrize("version", [1, 2])
def test_an_older_store_is_read_after_it_was_brought_up_to_date(path: Path, version: int) -> None:
    build(path, version)
    missing = [{"version": step.version, "name": step.name} for step in STEPS[version:]]
    content_before = path.read_bytes()
    assert store_status(path).pending == missing
    assert migrate_store(path, dry_run=True) == missing
    with pytest.raises(MigrationError, match="db migrate") as refusal:
        Tracker(path, read_only=True)
    assert refusal.value.code == "store_too_old"
    assert path.read_bytes() == content_before

    assert migrate_store(path) == missing
    Tracker(path, read_only=True).close()


def open_to_write(path: Path) -> None:
    Tracker(path).close()


def open_to_read(path: Path) -> None:
    Tracker(path, read_only=True).close()


USES: list[Callable[[Path], Any]] = [
    open_to_write,
    open_to_read,
    store_status,
    check_store,
    migrate_store,
    lambda path: migrate_store(path, dry_run=True),
    lambda path: back_up_store(path, path.with_name("copy")),
]


def files(folder: Path) -> dict[str, bytes]:
    """Return what is in a folder, apart from the logs that readers need: those are empty."""
    found = {file.name: file.read_bytes() for file in folder.iterdir() if not file.name.endswith("-shm")}
    return {name: content for name, content in found.items() if content or not name.endswith("-wal")}


def refuse_everything(path: Path, code: str, *words: str) -> None:
    """Expect that every use is refused, and leaves the folder as it is."""
    before = files(path.parent)
    for use in USES:
        with pytest.raises(MigrationError) as refusal:
            use(path)
        assert refusal.value.code == code
        assert all(word in str(refusal.value) for word in words), refusal.value
        assert files(path.parent) == before


@pytest.mark.parametrize("journal", ["wal", "delete"])
def test_a_newer_store_is_refused_and_left_alone(path: Path, journal: str) -> None:
    build(path, len(STEPS))
    with raw(path) as connection:
        connection.execute("INSERT INTO schema_migrations VALUES (99, 'future', 'x', '2040-01-01')")
        connection.execute(f"PRAGMA journal_mode = {journal}")
    refuse_everything(path, "store_too_new", "99", str(len(STEPS)))


def test_a_step_that_was_another_one_is_refused(path: Path) -> None:
    build(path, len(STEPS))
    with raw(path) as connection:
        connection.execute("UPDATE schema_migrations SET sha256 = 'other' WHERE version = 2")
    refuse_everything(path, "checksum_mismatch", "step 2", STEPS[1].name)


@pytest.mark.parametrize("is_text", [True, False])
def test_another_kind_of_file_is_refused_and_left_alone(path: Path, is_text: bool) -> None:
    if is_text:
        path.write_text("dear diary\n" * 100)
    else:
        with raw(path) as connection:
            connection.execute("CREATE TABLE friends (name)")
    refuse_everything(path, "not_a_store")


def test_a_step_that_fails_leaves_everything_as_it_was(path: Path) -> None:
    before = build(path, len(STEPS))
    number = len(STEPS) + 1
    bad = Migration(
        number,
        "bad",
        "CREATE TABLE extra (a);\nUPDATE issues SET title = 'x';\nINSERT INTO nowhere VALUES (1);\n",
    )
    with raw(path) as connection:
        with pytest.raises(MigrationError, match="bad") as refusal:
            migrate(connection, path, [*STEPS, bad])
        assert refusal.value.code == "migration_failed"
        assert content(connection) == before
        assert max(applied_versions(connection)) == len(STEPS)
        assert not connection.in_transaction

        good = Migration(number, "good", "CREATE TABLE extra (a);")
        assert migrate(connection, path, [*STEPS, good]) == [good]
        assert content(connection) == {**before, "extra": []}
    assert len(backups(path)) >= 1


def test_steps_before_one_that_fails_stay(path: Path) -> None:
    build(path, 1)
    with raw(path) as connection:
        with pytest.raises(MigrationError):
            migrate(connection, path, [*STEPS[:2], Migration(3, "bad", "nonsense;")])
        assert list(applied_versions(connection)) == [1, 2]


def test_several_processes_make_a_store_at_once(path: Path) -> None:
    command = [sys.executable, "-c", f"from stormlog.tracking import Tracker; Tracker({str(path)!r}).close()"]
    processes = [subprocess.Popen(command, stderr=subprocess.PIPE) for _ in range(8)]
    assert [(process.communicate()[1], process.returncode) for process in processes] == [(b"", 0)] * 8
    assert store_status(path).pending == []
    assert len(store_status(path).applied) == len(STEPS)


@pytest.mark.parametrize(
    "names", [["0001_a.sql", "0003_b.sql"], ["0001_a.sql", "0001_b.sql"], ["first.sql"], ["0002_a.sql"]]
)
def test_numbers_of_steps_have_no_gaps(tmp_path: Path, names: list[str]) -> None:
    for name in names:
        (tmp_path / name).write_text("SELECT 1;\n")
    with pytest.raises(ValueError):
        load_migrations(tmp_path)


def test_line_ends_are_no_difference() -> None:
    assert (
        Migration(1, "a", "SELECT 1;\nSELECT 2;\n").sha256
        == Migration(1, "a", "SELECT 1;\r\nSELECT 2;\r\n").sha256
    )


# ---- copies and checks ---------------------------------------------------------------------------------


def test_a_copy_is_whole_while_somebody_writes(tmp_path: Path) -> None:
    with new_tracker(tmp_path) as tracker:
        seen(tracker)
        with tracker.writing() as connection:
            connection.execute("UPDATE issues SET title = 'half done'")
            copy = back_up_store(tmp_path / "tracker.db", tmp_path / "copy.db")
    with Tracker(copy, read_only=True) as copied:
        assert [issue.title for issue in copied.list_issues().issues] == ["Alert: F1"]


def test_a_copy_replaces_nothing_by_accident(tmp_path: Path, path: Path) -> None:
    new_tracker(tmp_path).close()
    back_up_store(path, tmp_path / "copy.db")
    with pytest.raises(ValueError, match="exists"):
        back_up_store(path, tmp_path / "copy.db")
    back_up_store(path, tmp_path / "copy.db", replace=True)
    with pytest.raises(ValueError, match="is the tracker itself"):
        back_up_store(path, path, replace=True)
    with pytest.raises(SourceError, match="cannot write the copy"):
        back_up_store(path, tmp_path / "none" / "copy.db")
    assert sorted(files(tmp_path)) == ["copy.db", "tracker.db"]


def test_what_is_miscounted_or_dangling_is_found(tmp_path: Path, path: Path) -> None:
    with new_tracker(tmp_path) as tracker:
        issue = seen(tracker)
    with raw(path) as connection:
        connection.execute("PRAGMA foreign_keys = OFF")
        connection.execute("UPDATE issues SET hit_count = 7")
        connection.execute("UPDATE issue_occurrences SET code_version = 'x', last_ns = 99000000000")
        connection.execute("UPDATE issue_fingerprints SET app_id = 'nobody'")
    problems = check_store(path)
    assert [problem.kind for problem in problems] == ["dangling", "miscounted", "miscounted"]
    assert problems[0].message.startswith("row ")
    assert "code_version, last_ns" in problems[1].message
    assert problems[2].message == f"issue_id {issue.issue_id}: hit_count"
