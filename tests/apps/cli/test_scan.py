"""``stormlog scan`` as people and timers call it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from stormlog.tracking import Tracker
from tests.apps.cli.runner import COMMAND, stormlog
from tests.apps.cli.samples import capture
from tests.captures import capture_path
from tests.query.sinks import busy_session, write_lines

pytestmark = pytest.mark.usefixtures("one_store_for_all_commands")

KEYS = [
    "evidence_new", "finished_ns", "issues_created", "issues_regressed", "lines_read", "lines_skipped",
    "notices_queued",
    "occurrences_created", "occurrences_updated", "scan_id", "sessions_scanned", "sources_missing", "sources_pending",
    "sources_read", "sources_seen", "started_ns", "warnings",
]  # fmt: skip


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small capture with new issues."""
    return capture(tmp_path_factory.mktemp("runs"))


@pytest.fixture
def db(tmp_path: Path) -> Path:
    return tmp_path / "tracker.db"


def test_one_json_object(db: Path) -> None:
    outcome = stormlog("scan", capture_path("v4-cuda-sim"), "--db", db, "--json", "-q")
    assert (outcome.status, outcome.stderr) == (0, "")
    report = json.loads(outcome.stdout)
    assert sorted(report) == KEYS
    assert report["issues_created"] > 5


def test_text_for_people(runs: Path, db: Path) -> None:
    first = stormlog("scan", runs, "--db", db)
    assert "new issues" in first.stdout
    again = stormlog("scan", runs, "--db", db)
    assert "nothing changed" in again.stdout


def test_a_scan_names_its_tracker_and_what_to_type_next(
    runs: Path, db: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = stormlog("scan", runs, "--db", db)
    assert first.stdout.splitlines()[-2:] == [
        f"Tracker: {db}",
        f"Next:    stormlog issues list --status new --status regressed --db {db}",
    ]
    monkeypatch.setenv("STORMLOG_DB", str(db))
    again = stormlog("scan", runs, "--project", "other one", "--dry-run")
    assert "Next:" not in again.stdout
    again = stormlog("scan", runs, "--project", "other one")
    assert again.stdout.endswith("issues list --status new --status regressed --project 'other one'\n")
    assert stormlog("scan", runs).stdout.endswith("Next:    stormlog issues list\n")


def test_a_source_that_only_settled_did_not_change(tmp_path: Path, db: Path) -> None:
    rows = [row for row in busy_session("s1", 40) if row["event_type"] == "sample"]
    path = write_lines(tmp_path / "a.jsonl", rows)
    assert "1 source, 1 changed: " in stormlog("scan", path, "--db", db, "--settle", "99999h").stdout
    assert "1 source, nothing changed" in stormlog("scan", path, "--db", db, "--settle", "99999h").stdout
    assert "1 source, 0 changed, 1 settled: " in stormlog("scan", path, "--db", db, "--settle", "0s").stdout


def test_fail_on(tmp_path: Path, db: Path) -> None:
    # tests/apps/cli/test_message_bounds.py has the other words, and what else a scan may find.
    path = write_lines(tmp_path / "a.jsonl", busy_session("s1", 40))
    assert stormlog("scan", path, "--db", db, "--fail-on", "new,regressed").status == 10
    assert stormlog("scan", path, "--db", db, "--fail-on", "new,regressed").status == 0
    wrong = stormlog("scan", path, "--db", db, "--fail-on", "old")
    assert (wrong.status, "new, regressed, any" in wrong.stderr) == (2, True)


def test_a_regression_is_found(tmp_path: Path, db: Path) -> None:
    path = write_lines(tmp_path / "a.jsonl", busy_session("s1", 40))
    stormlog("scan", path, "--db", db, "--code-version", "1.0")
    assert (
        stormlog("issues", "resolve", "--where", "kind = 'oom'", "--version", "1.1", "--db", db).status == 0
    )
    write_lines(path, busy_session("s2", 40))
    outcome = stormlog("scan", path, "--db", db, "--code-version", "1.2", "--fail-on", "regressed", "--json")
    assert outcome.status == 10
    assert json.loads(outcome.stdout)["issues_regressed"] == 1


def test_the_environment_may_name_the_version(
    tmp_path: Path, db: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STORMLOG_CODE_VERSION", "7.1")
    stormlog("scan", write_lines(tmp_path / "a.jsonl", busy_session("s1", 40)), "--db", db)
    with Tracker(db) as tracker:
        assert {issue.last_seen_version for issue in tracker.list_issues().issues} == {"7.1"}


def test_nothing_there(tmp_path: Path, db: Path) -> None:
    outcome = stormlog("scan", tmp_path / "nowhere", "--db", db, "--json")
    assert outcome.status == 3
    assert json.loads(outcome.stderr)["error"]["code"] == "source_unreadable"


@pytest.mark.parametrize(
    "options",
    [
        ("--settle", "soon"),
        ("--since", "soon"),
        ("--since", "0001-01-01"),
        ("--since", "9999-12-31"),
        ("--watch", "--dry-run"),
        ("--min-severity", "loud"),
        ("--allow", "all"),
    ],
)
def test_wrong_options(tmp_path: Path, db: Path, options: tuple[str, ...]) -> None:
    outcome = stormlog("scan", tmp_path, "--db", db, *options)
    assert (outcome.status, outcome.stdout) == (2, "")
    assert outcome.stderr.startswith("Error: ")


def test_a_missing_permission(tmp_path: Path, db: Path) -> None:
    outcome = stormlog("scan", tmp_path, "--db", db, "--allow", "issues:read", "--json")
    assert outcome.status == 5
    assert json.loads(outcome.stderr)["error"] == {
        "code": "permission_denied",
        "message": "this needs the permission issues:write",
        "details": {"permission": "issues:write"},
    }


def test_another_scan_runs(tmp_path: Path, db: Path) -> None:
    from stormlog.tracking.scanning.lock import scan_lock

    with scan_lock(db):
        outcome = stormlog("scan", tmp_path, "--db", db, "--json")
    assert outcome.status == 6
    error = json.loads(outcome.stderr)["error"]
    assert (error["code"], error["details"]["process"]) == ("store_busy", os.getpid())


def wait_for(condition: Callable[[], bool]) -> None:
    until = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < until
        time.sleep(0.02)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_watching(tmp_path: Path, db: Path, number: int) -> None:
    runs = tmp_path / "runs"
    runs.mkdir()
    write_lines(runs / "a.jsonl", busy_session("s1", 40))
    lines: list[str] = []
    process = subprocess.Popen(
        [*COMMAND, "scan", str(runs), "--db", str(db), "--watch", "--interval", "100ms", "--json"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    try:
        lines.append(process.stdout.readline())
        write_lines(runs / "b.jsonl", busy_session("s2", 40))
        lines.append(process.stdout.readline())
        process.send_signal(number)
        out, err = process.communicate(timeout=60)
    finally:
        process.kill()
    assert (process.returncode, out, err) == (0, "", "")
    assert [json.loads(line)["sources_read"] for line in lines] == [1, 1]
    with Tracker(db) as tracker:
        assert {issue.occurrence_count for issue in tracker.list_issues().issues if issue.kind == "oom"} == {
            2
        }


def test_watching_reports_a_failure_once_and_goes_on(tmp_path: Path, db: Path) -> None:
    runs = tmp_path / "runs"
    process = subprocess.Popen(
        [*COMMAND, "scan", str(runs), "--db", str(db), "--watch", "--interval", "20ms"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stderr is not None
    try:
        assert "no such file" in process.stderr.readline()
        runs.mkdir()
        write_lines(runs / "a.jsonl", busy_session("s1", 40))
        assert "1 source, 1 changed" in process.stdout.readline()
        process.send_signal(signal.SIGTERM)
        _, err = process.communicate(timeout=60)
    finally:
        process.kill()
    assert "no such file" not in err
    assert process.returncode == 0


@pytest.mark.parametrize("options", [("--app", ""), ("--fail-on", ""), ("--app", os.fsdecode(b"\xff"))])
def test_values_that_say_nothing(tmp_path: Path, db: Path, options: tuple[str, ...]) -> None:
    outcome = stormlog("scan", tmp_path, "--db", db, *options)
    assert (outcome.status, outcome.stdout) == (2, "")


def test_an_empty_path_is_not_this_folder(db: Path) -> None:
    assert stormlog("scan", "", "--db", db).status == 2


def test_a_dry_run_makes_no_tracker(runs: Path, tmp_path: Path) -> None:
    outcome = stormlog("scan", runs, "--db", tmp_path / "none" / "t.db", "--dry-run")
    assert (outcome.status, "new issues" in outcome.stdout) == (0, True)
    assert not (tmp_path / "none").exists()


def test_verbs_make_no_tracker(tmp_path: Path) -> None:
    for words in (["issues", "claim", "abcdef"], ["notify"], ["projects", "set", "x", "--clear-webhook"]):
        assert stormlog(*words, "--db", tmp_path / "typo.db").status == 3
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "options", [("--rank", "9" * 20), ("--rank", "-1"), ("--severity", " "), ("--at", "9999-01-01")]
)
def test_numbers_that_nothing_holds(db: Path, options: tuple[str, ...]) -> None:
    assert stormlog("issues", "record", "text", "--db", db, *options).status == 2


def test_a_tracker_that_lacks_a_table_is_damaged(runs: Path, db: Path) -> None:
    import sqlite3

    stormlog("scan", runs, "--db", db)
    with sqlite3.connect(db) as connection:
        connection.execute("DROP TABLE code_versions")
    outcome = stormlog("scan", runs, "--full", "--db", db, "--json")
    assert outcome.status == 7
    assert json.loads(outcome.stderr)["error"]["code"] == "not_a_store"
