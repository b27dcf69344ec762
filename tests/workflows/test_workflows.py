"""What is told of the run that failed last, besides the issues."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from stormlog import query
from stormlog.tracking import NotifySettings, Tracker
from stormlog.tracking.gate import baseline_of_file
from stormlog.tracking.scanning.options import ScanOptions
from stormlog.workflows import (
    explain,
    gate_and_summarise,
    latest_failure,
    notify_and_explain,
    scan_and_notify,
)
from stormlog.workflows.issues import _common_folder
from tests.captures import CHECKOUT
from tests.query.sinks import START_NS, busy_session, write_lines, write_sink
from tests.tracking.shared_stores import one_store_of

RUNS = CHECKOUT / "examples" / "captures" / "v4-cuda-sim" / "oom_dumps"


@pytest.fixture
def runs(tmp_path: Path) -> Path:
    return Path(shutil.copytree(RUNS, tmp_path / "runs"))


def test_a_digest_says_why_the_latest_run_failed(tmp_path: Path, runs: Path) -> None:
    with Tracker(tmp_path / "tracker.db") as tracker:
        tracker.create_project("llm", recipients=["a@example.org"], alert_frequency="hourly")
        tracker.project = "llm"
        with one_store_of(runs):
            why = latest_failure([str(runs)], cache=False)
            assert why is not None
            assert why.startswith("Run ")
            scan_and_notify(tracker, [str(runs)], ScanOptions(cache=False, settle_ns=0))
            report = notify_and_explain(tracker, NotifySettings(), projects=["llm"], force=True, dry_run=True)
        [project] = report.projects
        assert project.digest is not None
        assert project.digest.why is not None
        assert project.digest.why.startswith("Run ")
        [message] = report.messages
        assert f"Latest failed run: {project.digest.why}" in message.payload["text"]
        shutil.rmtree(runs)
        report = notify_and_explain(tracker, NotifySettings(), projects=["llm"], force=True, dry_run=True)
        [project] = report.projects
        assert project.digest is not None
        assert project.digest.why is None


@pytest.mark.parametrize("source", ["oom_dumps", "oom_sink"])
def test_a_digest_finds_the_telemetry_of_what_was_scanned_by_a_relative_path(
    source: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where all of it is one sink."""
    shutil.copytree(RUNS.parent / source, tmp_path / "work" / source)
    monkeypatch.chdir(tmp_path / "work")
    with Tracker(tmp_path / "tracker.db") as tracker:
        tracker.create_project("llm", recipients=["a@example.org"], alert_frequency="hourly")
        tracker.project = "llm"
        tracker.scan([source], cache=False, settle_ns=0)
        monkeypatch.chdir(tmp_path)
        report = notify_and_explain(tracker, NotifySettings(), projects=["llm"], force=True, dry_run=True)
    [project] = report.projects
    assert project.digest is not None
    assert (project.digest.why or "").startswith("Run ")


def test_a_digest_explains_the_run_that_had_the_issue(tmp_path: Path) -> None:
    """Not the one beside it that failed later, and whose issues are ignored."""
    for number, (name, backend) in enumerate((("a", "cuda"), ("b", "rocm"))):
        events = busy_session(name, 40, start_ns=START_NS + number * 10**12)
        for event in events:
            event["job_id"] = f"job-{name}"
            event["metadata"]["backend"] = backend
        write_sink(tmp_path / "runs" / name, {"segment-000001.jsonl": events})
    with Tracker(tmp_path / "tracker.db") as tracker:
        tracker.create_project("llm", recipients=["a@example.org"], alert_frequency="hourly")
        tracker.project = "llm"
        tracker.scan([tmp_path / "runs"], cache=False, settle_ns=0)
        for issue in tracker.list_issues(limit=200).issues:
            if "a" not in {
                occurrence.session_id for occurrence in tracker.occurrences(issue.issue_id).occurrences
            }:
                tracker.ignore(issue.issue_id)
        report = notify_and_explain(tracker, NotifySettings(), projects=["llm"], force=True, dry_run=True)
    [project] = report.projects
    assert project.digest is not None
    assert (project.digest.why or "").startswith("Run job:job-a")


def test_a_digest_explains_a_run_whose_records_name_no_session(tmp_path: Path) -> None:
    events = [event | {"schema_version": 2} for event in busy_session("s", 40)]
    for event in events:
        del event["session_id"]
    write_lines(tmp_path / "events.jsonl", events)
    with Tracker(tmp_path / "tracker.db") as tracker:
        tracker.create_project("llm", recipients=["a@example.org"], alert_frequency="hourly")
        tracker.project = "llm"
        tracker.scan([tmp_path / "events.jsonl"], cache=False, settle_ns=0)
        report = notify_and_explain(tracker, NotifySettings(), projects=["llm"], force=True, dry_run=True)
    [project] = report.projects
    assert project.digest is not None
    assert (project.digest.why or "").startswith("Run ")


def test_the_digest_after_a_scan_is_about_its_paths(tmp_path: Path, runs: Path) -> None:
    with Tracker(tmp_path / "tracker.db") as tracker:
        tracker.create_project("llm", recipients=["a@example.org"], alert_frequency="hourly")
        with tracker.store.writing() as connection:
            connection.execute("UPDATE projects SET created_ns = 1")
        tracker.project = "llm"
        with one_store_of(runs):
            done = scan_and_notify(
                tracker, [str(runs)], ScanOptions(cache=False, settle_ns=0), NotifySettings()
            )
            why = latest_failure([str(runs)], cache=False) or ""
        assert done.report.notices_queued == 1
        with tracker.store.reading() as connection:
            [payload] = connection.execute("SELECT payload_json FROM notices").fetchone()
    said = json.loads(payload)["digest"]["why"].split(" ago")[0]
    assert said[:60] == why[:60]


def test_the_summary_of_a_gate_says_why_the_latest_run_failed(tmp_path: Path, runs: Path) -> None:
    file = tmp_path / "issues.json"
    file.write_text('{"format": "stormlog-issues", "version": 1, "issues": []}')
    options = ScanOptions(cache=False, settle_ns=0)
    with one_store_of(runs):
        found = gate_and_summarise([str(runs)], baseline_of_file(file), options, fail_on=["new"])
        assert "\nLatest failed run: Run " in found.markdown
        with Tracker(tmp_path / "tracker.db") as tracker:
            tracker.scan([runs], cache=False, settle_ns=0)
            tracker.export_states(file)
        found = gate_and_summarise([str(runs)], baseline_of_file(file), options, fail_on=["new"])
    assert "Latest failed run" not in found.markdown


@pytest.mark.parametrize("paths", [[], ["/nowhere/at/all"], ["/etc/hostname"]])
def test_what_cannot_be_explained_is_left_out(paths: list[str]) -> None:
    assert latest_failure(paths, cache=False) is None


def test_an_explanation_has_the_number_of_its_issue_in_the_tracker(tmp_path: Path, runs: Path) -> None:
    database = str(tmp_path / "tracker.db")
    with one_store_of(runs) as store:
        with Tracker(database) as tracker:
            tracker.scan([runs], cache=False, settle_ns=0)
        same = explain(store).same_as
    assert same is None or same.number is None
    with query.open([runs], tracker=database, cache=False) as store:
        explanation = explain(store, tracker=database)
        assert explanation.same_as is not None
        number = explanation.same_as.number
        again = explain(store, tracker=database, issue=f"#{number}")
    with Tracker(database, read_only=True) as tracker:
        assert tracker.issue(str(number)).issue.issue_id == explanation.same_as.issue
    assert again.same_as is not None
    assert again.same_as.number == number


def test_the_common_folder_of_absolute_and_relative_paths(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Evidence of one issue may be named both ways, where scans were started in different directories."""
    monkeypatch.chdir(tmp_path)
    assert _common_folder(["runs/a/events.jsonl", str(tmp_path / "runs" / "b" / "events.jsonl")]) == [
        str(tmp_path / "runs")
    ]
