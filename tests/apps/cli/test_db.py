"""``stormlog db``."""

from __future__ import annotations

import contextlib
import json
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

from stormlog.tracking import Tracker
from stormlog.tracking.database.migrations import load_migrations, migrate
from stormlog.tracking.triage.comments import KEPT_NS
from tests.apps.cli.runner import Outcome, stormlog
from tests.tracking.evidence import fingerprint_id, see

Run = Callable[..., Outcome]

STEPS = load_migrations()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "tracker.db"


@pytest.fixture
def run(path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.setenv("STORMLOG_DB", str(path))
    return lambda *words: stormlog("db", *words)


def change(path: Path, statement: str) -> None:
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute(statement)


def older(path: Path) -> None:
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as connection:
        migrate(connection, path, STEPS[:1])


def test_the_status_says_version_size_and_content(run: Run, path: Path) -> None:
    with Tracker(path) as tracker:
        see(tracker)
    status = json.loads(run("status", "--json").stdout)
    assert set(status) == {"path", "size_bytes", "applied", "pending", "rows"}
    assert [step["name"] for step in status["applied"]] == [step.name for step in STEPS]
    assert (status["pending"], status["rows"]["issues"], status["rows"]["notices"]) == ([], 1, 0)
    text = run("status").stdout
    assert f"File     {path}" in text
    assert f"Applied  {STEPS[0].version:04} {STEPS[0].name}, " in text


def test_an_older_store_is_brought_up_to_date(run: Run, path: Path) -> None:
    older(path)
    assert "'stormlog db migrate'" in run("status").stderr
    outcome = stormlog("issues", "list")
    assert outcome.status == 7
    assert f"run: stormlog db migrate --db {path}" in outcome.stderr
    names = [f"{step.version:04} {step.name}" for step in STEPS[1:]]
    assert run("migrate", "--dry-run").stdout.splitlines() == [f"Would apply {name}" for name in names]
    assert len(json.loads(run("status", "--json").stdout)["applied"]) == 1
    assert run("migrate").stdout.splitlines() == [f"Applied {name}" for name in names]
    assert json.loads(run("migrate", "--json").stdout) == {"dry_run": False, "steps": []}
    assert run("migrate").stdout == "Up to date.\n"
    assert stormlog("issues", "list").status == 0


def test_a_newer_store_is_refused_by_every_command(run: Run, path: Path) -> None:
    Tracker(path).close()
    change(path, "INSERT INTO schema_migrations VALUES (99, 'future', 'x', '2040-01-01')")
    before = path.read_bytes()
    commands = [
        ["db", "status"],
        ["db", "migrate"],
        ["db", "check"],
        ["db", "backup", str(path.with_name("copy"))],
        ["db", "purge"],
        ["issues", "list"],
        ["issues", "claim", "ffffffff"],
        ["projects", "list"],
        ["notify"],
        ["scan", str(path.parent)],
    ]
    for words in commands:
        outcome = stormlog(*words)
        assert outcome.status == 7, words
        assert "99" in outcome.stderr
        assert str(len(STEPS)) in outcome.stderr
        assert path.read_bytes() == before
    outcome = run("status", "--json")
    assert json.loads(outcome.stderr)["error"]["code"] == "store_too_new"


def test_a_copy_is_a_store(run: Run, path: Path, tmp_path: Path) -> None:
    with Tracker(path) as tracker:
        see(tracker)
    copy = tmp_path / "copy.db"
    assert run("backup", copy) == Outcome(0, f"Copied to {copy}\n", "")
    assert run("backup", copy).status == 2
    assert json.loads(run("backup", copy, "--force", "--json").stdout)["size_bytes"] == copy.stat().st_size
    assert run("backup", path, "--force").status == 2
    with Tracker(copy, read_only=True) as copied:
        assert len(copied.list_issues().issues) == 1


def test_a_store_is_sound_or_not(run: Run, path: Path) -> None:
    with Tracker(path) as tracker:
        see(tracker)
        issue_id = tracker.issue(fingerprint_id("F1")).issue.issue_id
    assert run("check") == Outcome(0, "All is well.\n", "")
    assert json.loads(run("check", "--json").stdout) == {"is_sound": True, "problems": []}
    change(path, "UPDATE issues SET occurrence_count = 5")
    assert run("check") == Outcome(7, f"miscounted: issue_id {issue_id}: occurrence_count\n", "")
    assert json.loads(run("check", "--json").stdout)["is_sound"] is False


def test_what_was_deleted_long_ago_is_purged(run: Run, path: Path) -> None:
    with Tracker(path) as tracker:
        see(tracker)
        for age in (KEPT_NS // 2, KEPT_NS * 2):
            comment = tracker.comment(fingerprint_id("F1"), "text")
            tracker.delete_comment(comment.comment_id)
            ns = tracker.clock() - age
            change(
                path, f"UPDATE issue_comments SET deleted_ns = {ns} WHERE comment_id = '{comment.comment_id}'"
            )
    assert run("purge").stdout == "Removed 1 comment\n"
    assert json.loads(run("purge", "--json").stdout) == {"comments": 0}
    assert run("purge", "--allow", "issues:read").status == 5


def test_there_is_nothing_to_look_at_where_no_tracker_is(run: Run, path: Path) -> None:
    for words in (["status"], ["check"], ["backup", str(path.with_name("copy"))], ["migrate"], ["purge"]):
        assert run(*words).status == 3
    assert not path.exists()


def test_a_file_that_is_no_database_is_not_checked_any_further(run: Run, path: Path) -> None:
    path.write_text("no database")
    outcome = run("check")
    assert (outcome.status, outcome.stdout) == (7, "")
    assert "file is not a database; 'stormlog db restore'" in outcome.stderr


def test_what_somebody_changed_in_the_file_is_found(run: Run, path: Path) -> None:
    with Tracker(path) as tracker:
        see(tracker)
    assert run("check").status == 0
    change(path, "UPDATE issue_fingerprints SET dimensions_json = '{broken'")
    outcome = run("check")
    assert (outcome.status, "dimensions_json is no JSON in 1 rows" in outcome.stdout) == (7, True)
    shown = stormlog("issues", "show", fingerprint_id("F1"), "--db", path)
    assert (shown.status, "stormlog db check" in shown.stderr) == (7, True)
    change(path, "DROP VIEW issues_readable")
    change(path, "ALTER TABLE issues DROP COLUMN assignee")
    outcome = run("check")
    assert (outcome.status, "issues is not as it was made" in outcome.stdout) == (7, True)
