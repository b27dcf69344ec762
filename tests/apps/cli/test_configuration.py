"""What a configuration file says holds for the commands, and gives way to options and the environment."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest

from tests.apps.cli.runner import stormlog
from tests.captures import capture_path

pytestmark = pytest.mark.usefixtures("one_store_for_all_commands")

ALERTS = capture_path("v4-cuda-sim") / "alerts"


@pytest.fixture
def configured(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Return the configuration file of the current directory."""
    for name in ("STORMLOG_CONFIG", "STORMLOG_DB", "STORMLOG_CACHE"):
        monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    return tmp_path / "stormlog.toml"


def test_paths_format_and_cache_come_from_the_file(configured: Path) -> None:
    configured.write_text(f'paths = ["{ALERTS}"]\nformat = "csv"\ncache = "kept"\n')
    rows = list(csv.DictReader(stormlog("query", "issues").stdout.splitlines()))
    assert [row["kind"] for row in rows] == ["alert"] * len(rows) != []
    assert (configured.parent / "kept").is_dir()
    assert json.loads(stormlog("query", "issues", "--json").stdout)[0]["kind"] == "alert"
    # A path that is given is all there is.
    assert stormlog("query", "sessions", "missing").status == 3
    assert stormlog("why", "--brief").status == 0


def test_no_cache_gives_way_to_nothing(configured: Path) -> None:
    configured.write_text(f'paths = ["{ALERTS}"]\ncache = "kept"\n')
    assert stormlog("query", "issues", "--no-cache").status == 0
    assert not (configured.parent / "kept").exists()
    configured.write_text(f'paths = ["{ALERTS}"]\ncache = false\n')
    assert stormlog("cache", "list").status == 2


def test_tracker_project_and_app_come_from_the_file(
    configured: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    configured.write_text(
        f'paths = ["{ALERTS}"]\ndb = "t.db"\nproject = "llama"\napp = "pretrain"\nsettle = "0s"\n'
    )
    # There is no tracker yet, which is no reason not to answer.
    assert stormlog("query", "issues", "--json").status == 0
    assert stormlog("scan", "--quiet").status == 0
    listed = json.loads(stormlog("issues", "list", "--json").stdout)["issues"]
    assert {(issue["project"], issue["app"]) for issue in listed} == {("llama", "pretrain")}
    assert json.loads(stormlog("issues", "list", "--project", "default", "--json").stdout)["issues"] == []
    stormlog("issues", "resolve", listed[0]["issue_id"])
    states = {issue["state"] for issue in json.loads(stormlog("query", "issues", "--json").stdout)}
    assert "resolved" in states
    monkeypatch.setenv("STORMLOG_DB", str(configured.parent / "other.db"))
    assert stormlog("issues", "list").status == 3


def test_rules_of_the_file_ignore_issues_where_no_tracker_is_asked(configured: Path) -> None:
    configured.write_text(
        f'paths = ["{ALERTS}"]\ndb = "t.db"\n[[ignore]]\nkind = "alert"\n'
        'dimensions = { category = "slow step*" }\nreason = "known"\n'
    )

    def states() -> set[tuple[bool, str]]:
        issues = json.loads(stormlog("query", "issues", "--json").stdout)
        return {("slow step" in issue["title"], issue["state"]) for issue in issues}

    assert states() == {(True, "ignored"), (False, "open")}
    report = stormlog("report", "--format", "markdown").stdout
    assert "ignored" in report
    facts = json.loads(stormlog("doctor", "--json").stdout)["settings"]["ignore"]
    assert (facts["value"][0]["kind"], facts["source"]) == ("alert", str(configured))
    assert "kind alert, " in stormlog("doctor").stdout
    assert stormlog("scan", "--quiet").status == 0
    # A tracker has rules of its own.
    assert states() == {(True, "open"), (False, "open")}


def test_a_baseline_counts_more_than_the_tracker_of_the_file(configured: Path) -> None:
    configured.write_text(f'paths = ["{ALERTS}"]\ndb = "t.db"\nversion_order = "semver"\n')
    (configured.parent / "issues.json").write_text(
        '{"format": "stormlog-issues", "version": 1, "issues": []}'
    )
    outcome = stormlog("gate", "--baseline", "issues.json", "--json")
    assert outcome.status in (0, 10), outcome.stderr


def test_rules_ignore_issues_in_queries_and_gates_without_a_tracker(configured: Path) -> None:
    text = f'paths = ["{ALERTS}"]\n'
    configured.write_text(text)
    (configured.parent / "issues.json").write_text(
        '{"format": "stormlog-issues", "version": 1, "issues": []}'
    )
    assert stormlog("gate", "--baseline", "issues.json", "--settle", "0s").status == 10
    configured.write_text(text + '[[ignore]]\nkind = "alert"\nreason = "noise"\n')
    issues = json.loads(stormlog("query", "issues", "--json").stdout)
    assert {issue["state"] for issue in issues} == {"ignored"}
    assert json.loads(stormlog("query", "issues", "--json", "--hide-ignored").stdout) == []
    outcome = stormlog("gate", "--baseline", "issues.json", "--settle", "0s")
    assert outcome.status == 0, outcome.stdout
    assert "kind alert, reason noise" in stormlog("doctor").stdout


def test_a_file_that_is_not_right_stops_commands_but_neither_help_nor_doctor(configured: Path) -> None:
    configured.write_text("projct = 1")
    for command in (["query", "issues", str(ALERTS)], ["scan", str(ALERTS)], ["why", str(ALERTS)]):
        outcome = stormlog(*command)
        assert (outcome.status, outcome.stdout) == (2, "")
        assert f"{configured}: 'projct' is no key; did you mean 'project'?" in outcome.stderr
    error = json.loads(stormlog("query", "issues", str(ALERTS), "--json").stderr)["error"]
    assert error["code"] == "invalid_value"
    assert stormlog("query", "issues", "--help").status == 0
    assert stormlog("--version").status == 0
    outcome = stormlog("doctor")
    assert outcome.status == 0
    assert "warn  configuration: " in outcome.stdout


def test_doctor_says_what_holds_and_from_where(configured: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    configured.write_text('db = "t.db"\nthreads = 2\n')
    monkeypatch.setenv("STORMLOG_CACHE", str(configured))
    report = json.loads(stormlog("doctor", "--json").stdout)
    assert report["settings"]["db"] == {"value": "t.db", "source": str(configured)}
    assert report["settings"]["threads"] == {"value": 2, "source": str(configured)}
    assert report["settings"]["cache"] == {"value": str(configured), "source": "STORMLOG_CACHE"}
    assert report["settings"]["project"] == {"value": "default", "source": "default"}
    checks = {check["name"]: check for check in report["checks"]}
    assert checks["cache"]["status"] == "warn"
    assert "is no directory" in checks["cache"]["detail"]
    assert checks["tracker"] == {
        "name": "tracker",
        "status": "ok",
        "detail": "t.db: none yet, 'stormlog scan' makes it",
        "hint": None,
    }
    (configured.parent / "t.db").write_text("something else")
    checks = {check["name"]: check for check in json.loads(stormlog("doctor", "--json").stdout)["checks"]}
    assert checks["tracker"]["status"] == "warn"
