"""``stormlog report``: where it writes, what it refuses, and its exit status."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.apps.cli.runner import on_terminal, stormlog
from tests.apps.cli.samples import START_NS, event, write_lines

pytestmark = pytest.mark.usefixtures("one_store_for_all_commands")

JOB = "examples/job"


def test_page_is_written_to_a_file_and_nothing_is_printed(tmp_path: Path) -> None:
    target = tmp_path / "report.html"
    outcome = stormlog("report", JOB, "-o", target)
    assert (outcome.status, outcome.stdout, outcome.stderr) == (0, "", "")
    assert target.read_text(encoding="utf-8").startswith("<!DOCTYPE html>")
    assert (
        target.read_text(encoding="utf-8")
        == stormlog("report", JOB).stdout
        == stormlog("report", JOB, "-o", "-").stdout
    )


@pytest.mark.parametrize(
    ("name", "options", "start"),
    [
        ("r.html", (), "<!DOCTYPE html>"),
        ("r.txt", (), "<!DOCTYPE html>"),
        ("r.md", (), "## Rank 5"),
        ("r.JSON", (), "{"),
        ("r.json", ("--format", "markdown"), "## Rank 5"),
        ("r.html", ("--json",), "{"),
    ],
)
def test_format_is_what_options_or_the_ending_say(
    tmp_path: Path, name: str, options: tuple[str, ...], start: str
) -> None:
    assert stormlog("report", JOB, "-o", tmp_path / name, *options).status == 0
    assert (tmp_path / name).read_text(encoding="utf-8").startswith(start)


def test_status_is_0_whatever_the_report_says() -> None:
    outcome = stormlog("report", JOB, "--json")
    assert outcome.status == 0 and json.loads(outcome.stdout)["verdict"]["exit_code"] == 3


def test_file_that_is_there_is_kept_unless_told(tmp_path: Path) -> None:
    target = tmp_path / "report.html"
    target.write_text("mine")
    refused = stormlog("report", JOB, "-o", target)
    assert refused.status == 2 and target.read_text() == "mine"
    assert (
        refused.stderr
        == f"Error: {target} is there already: choose another name, or say --force to replace it\n"
    )
    assert stormlog("report", JOB, "-o", target, "--force").status == 0
    assert target.read_text(encoding="utf-8").startswith("<!DOCTYPE html>")


def test_telemetry_is_refused_as_a_target(tmp_path: Path) -> None:
    events = tmp_path / "events.jsonl"
    write_lines(events, event())
    before = events.read_bytes()
    outcome = stormlog("report", tmp_path, "-o", events, "--force")
    assert outcome.status == 2 and "belongs to what is reported on" in outcome.stderr
    assert events.read_bytes() == before


def test_place_that_does_not_exist_is_named(tmp_path: Path) -> None:
    outcome = stormlog("report", JOB, "-o", tmp_path / "no" / "report.html")
    assert outcome.status == 3
    assert (
        outcome.stderr == f"Error: {tmp_path}/no/report.html: cannot be written: there is no such directory\n"
    )


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--json", "--format", "html"), "--json and --format html exclude each other."),
        (("--force",), "--force needs a file: name one with -o FILE."),
        (("--project", "x"), "--project needs --db, or a tracker that STORMLOG_DB"),
        (("--limit", "-1"), "-1 is not in the range x>=0"),
    ],
)
def test_options_that_contradict_are_refused(arguments: tuple[str, ...], message: str) -> None:
    outcome = stormlog("report", JOB, *arguments)
    assert outcome.status == 2 and message in outcome.stderr and not outcome.stdout


def test_unknown_run_is_refused_with_those_there_are() -> None:
    outcome = stormlog("report", JOB, "--run", "no-such-run")
    assert outcome.status == 4 and "lm-pretrain-1.4.1" in outcome.stderr


def test_no_telemetry_is_no_report(tmp_path: Path) -> None:
    (tmp_path / "runs").mkdir()
    outcome = stormlog("report", tmp_path / "runs", "-o", tmp_path / "report.html")
    assert outcome.status == 3 and "no telemetry found" in outcome.stderr
    assert not (tmp_path / "report.html").exists()


def test_page_is_not_thrown_at_a_terminal() -> None:
    status, shown = on_terminal("report", JOB)
    assert status == 2 and "name a file with -o FILE, or choose --format markdown" in " ".join(shown.split())


def test_what_was_skipped_is_said_in_the_report_and_on_stderr(tmp_path: Path) -> None:
    write_lines(tmp_path / "e.jsonl", event(), "{broken")
    outcome = stormlog("report", tmp_path, "-o", tmp_path / "report.md")
    assert outcome.status == 0 and "1 line skipped, line 2" in outcome.stderr
    assert "the first at line 2" in (tmp_path / "report.md").read_text()
    assert stormlog("report", tmp_path, "-o", tmp_path / "quiet.md", "--quiet").stderr == ""
    assert stormlog("report", tmp_path, "--strict").status == 3


def test_report_shows_what_the_tracker_knows(tmp_path: Path) -> None:
    events = tmp_path / "e.jsonl"
    write_lines(
        events,
        event(event_type="start"),
        event(event_type="warning", timestamp_ns=START_NS + 1, context="High memory usage"),
        event(event_type="stop", timestamp_ns=START_NS + 2),
    )
    tracker = tmp_path / "tracker.db"
    assert stormlog("scan", events, "--db", tracker, "--settle", "0s").status == 0
    listed = json.loads(stormlog("issues", "list", "--db", tracker, "--json").stdout)
    [issue] = [issue for issue in listed["issues"] if issue["kind"] == "alert"]
    assert stormlog("issues", "claim", issue["issue_id"], "--db", tracker, "--as-agent", "ana").status == 0
    page = stormlog("report", events, "--db", tracker).stdout
    assert "in progress" in page and "History in the tracker" in page and "ana" in page
    told = json.loads(stormlog("report", events, "--db", tracker, "--json").stdout)
    [found] = [issue for issue in told["payload"]["issues"] if issue["kind"] == "alert"]
    assert found["tracked"]["status"] == "in_progress" and found["tracked"]["number"] == issue["number"]
    assert f"#{issue['number']}" in page
    assert tracker.name in json.dumps(told["payload"]["commands"])
