"""``stormlog gate``: statuses, Markdown and JSON on stdout, and the summary of a job."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.apps.cli.runner import Outcome, stormlog
from tests.apps.cli.samples import capture

pytestmark = pytest.mark.usefixtures("one_store_for_all_commands")

#: A baseline without issues.
NOTHING = '{"format": "stormlog-issues", "version": 1, "issues": []}'


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("GITHUB_STEP_SUMMARY", "STORMLOG_CODE_VERSION"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("STORMLOG_DB", str(tmp_path / "elsewhere.db"))


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("gate") / "runs"
    folder.mkdir()
    capture(folder)
    return folder


@pytest.fixture(scope="module")
def scanned(runs: Path) -> Path:
    """A tracker that knows the runs."""
    database = runs.parent / "scanned.db"
    assert stormlog("scan", runs, "--db", database, "--settle", "0s", "-q").status == 0
    return database


@pytest.fixture
def baseline(tmp_path: Path) -> Path:
    path = tmp_path / "issues.json"
    path.write_text(NOTHING, encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def report(runs: Path) -> Outcome:
    """What a gate says whose baseline knows nothing."""
    known = runs.parent / "nothing.json"
    known.write_text(NOTHING, encoding="utf-8")
    return stormlog("gate", runs, "--baseline", known, "--json")


def resolve_all(baseline: Path, report: Outcome, fix_version: str) -> None:
    """Write a baseline in which everything that is new in a report is resolved."""
    entries = [
        {"fingerprint_id": issue["fingerprint_id"], "state": "resolved", "fix_version": fix_version}
        for issue in json.loads(report.stdout)["new"]
    ]
    document = {"format": "stormlog-issues", "version": 1, "issues": entries}
    baseline.write_text(json.dumps(document), encoding="utf-8")


def test_new_issues_fail_a_gate(runs: Path, baseline: Path) -> None:
    outcome = stormlog("gate", runs, "--baseline", baseline)

    assert outcome.status == 10 and outcome.stderr == ""
    assert outcome.stdout.startswith("## Stormlog gate failed\n\n2 new, 0 regressed, 0 recurring")
    assert "| warning | Alert: high fragmentation | warning, cuda | 1 | 1 | - | - | `issue:" in outcome.stdout


@pytest.mark.parametrize(
    ("version", "fail_on", "status", "found"),
    [
        ("1.3", "new,regressed,recurring", 0, "older"),
        ("1.4", "new,regressed", 0, "recurring"),
        ("1.4", "recurring", 10, "recurring"),
        ("1.5", "new, regressed", 10, "regressed"),
        ("1.5", "new", 0, "regressed"),
        ("1.5", "none", 0, "regressed"),
    ],
)
def test_status_follows_what_it_is_to_fail_on(
    version: str, fail_on: str, status: int, found: str, runs: Path, baseline: Path, report: Outcome
) -> None:
    resolve_all(baseline, report, "1.4")
    options = ("--baseline", baseline, "--code-version", version, "--fail-on", fail_on)

    outcome = stormlog("gate", runs, *options, "--json")

    assert outcome.status == status
    answer = json.loads(outcome.stdout)
    assert answer["counts"][found] == 2 and answer["failed"] == (status == 10)
    assert stormlog("gate", runs, *options).status == status


def test_a_tracker_is_a_baseline_too(
    runs: Path, scanned: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    missing = tmp_path / "tracker.db"
    assert stormlog("gate", runs, "--db", missing).status == 3
    assert not missing.exists()
    before = scanned.read_bytes()

    assert stormlog("gate", runs, "--db", scanned).status == 0
    assert scanned.read_bytes() == before
    monkeypatch.setenv("STORMLOG_DB", str(scanned))
    assert stormlog("gate", runs).status == 0
    assert stormlog("gate", runs, "--project", "other").status == 4


def test_a_baseline_that_is_missing_or_wrong_is_an_error(runs: Path, baseline: Path) -> None:
    outcome = stormlog("gate", runs, "--baseline", runs / "issues.json", "--json")
    assert (outcome.status, outcome.stdout) == (3, "")
    error = json.loads(outcome.stderr)["error"]
    assert error["code"] == "source_unreadable" and "cannot be read" in error["message"]
    baseline.write_text("{}", encoding="utf-8")
    assert stormlog("gate", runs, "--baseline", baseline).status == 3
    assert stormlog("gate", runs / "missing", "--baseline", baseline).status == 3


@pytest.mark.parametrize(
    "options",
    [
        ("--fail-on", "old"),
        ("--fail-on", ""),
        ("--fail-on", "none,new"),
        ("--baseline", "issues.json", "--db", "tracker.db"),
        ("--version-order", "alphabetical"),
    ],
)
def test_contradictions_are_usage_errors(options: tuple[str, ...], runs: Path) -> None:
    assert stormlog("gate", runs, *options).status == 2


def test_summary_is_appended_for_the_job(
    runs: Path, baseline: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    summary, own = tmp_path / "summary.md", tmp_path / "own.md"
    summary.write_text("before\n", encoding="utf-8")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(summary))

    printed = stormlog("gate", runs, "--baseline", baseline)
    stormlog("gate", runs, "--baseline", baseline, "--json")
    stormlog("gate", runs, "--baseline", baseline, "--summary", own)

    assert summary.read_text(encoding="utf-8") == f"before\n{printed.stdout}\n{printed.stdout}\n"
    assert own.read_text(encoding="utf-8") == f"{printed.stdout}\n"
    assert stormlog("gate", runs, "--baseline", baseline, "--summary", tmp_path / "no" / "such").status == 3


def test_what_was_skipped_is_said_on_stderr(tmp_path: Path, baseline: Path) -> None:
    (tmp_path / "runs").mkdir()
    runs = capture(tmp_path / "runs").parent
    with (runs / "events.jsonl").open("a", encoding="utf-8") as stream:
        stream.write("{}\n")

    said = stormlog("gate", runs, "--baseline", baseline).stderr
    lines = (runs / "events.jsonl").read_text(encoding="utf-8").splitlines()
    assert f"events.jsonl: 1 line skipped, line {len(lines)}: " in said
    assert stormlog("gate", runs, "--baseline", baseline, "--quiet").stderr == ""
    assert stormlog("gate", runs, "--baseline", baseline, "--strict").status == 3


def test_paths_with_nothing_to_judge_do_not_pass(tmp_path: Path, baseline: Path) -> None:
    (tmp_path / "empty").mkdir()

    outcome = stormlog("gate", tmp_path / "empty", "--baseline", baseline)

    assert outcome.status == 3 and "no session and no issue to judge" in outcome.stderr


def test_permission_to_read_is_enough_and_needed(runs: Path, scanned: Path) -> None:
    assert stormlog("gate", runs, "--db", scanned, "--allow", "issues:read").status == 0
    assert stormlog("gate", runs, "--db", scanned, "--allow", "issues:write").status == 5


OVER = ("--budget", "* peak_used < 1GB")


def test_budgets_work_with_a_baseline_a_tracker_and_alone(runs: Path, baseline: Path, scanned: Path) -> None:
    for known in (("--baseline", baseline, "--fail-on", "none"), ("--db", scanned), ()):
        outcome = stormlog("gate", runs, *known, *OVER, "--budget", "* peak_used < 1TB", "--json")
        answer = json.loads(outcome.stdout)
        assert outcome.status == 10 and answer["failed"], known
        assert [budget["state"] for budget in answer["budgets"]] == ["over", "unknown"]
        # Of the session that ran out of memory there is no sample.
        assert [budget["unknown_count"] for budget in answer["budgets"]] == [1, 1]
        worst = answer["budgets"][0]["worst"]
        assert (worst["path"], worst["line_number"]) == (str(runs / "events.jsonl"), 1)


def test_without_anything_to_compare_with_only_budgets_are_judged(runs: Path) -> None:
    outcome = stormlog("gate", runs, "--budget", "* peak_used < 1TB")
    assert outcome.status == 0
    assert "compared with nothing, as there is no tracker and no --baseline" in outcome.stdout
    # Who names outcomes wants a comparison.
    assert stormlog("gate", runs, "--budget", "* peak_used < 1TB", "--fail-on", "new").status == 3
    assert stormlog("gate", runs).status == 3


def test_budgets_of_the_configuration_hold_unless_others_are_given(
    runs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("STORMLOG_CONFIG")
    (tmp_path / "stormlog.toml").write_text('budgets = ["* peak_used < 1GB"]\n')
    assert stormlog("gate", runs).status == 10
    assert stormlog("gate", runs, "--budget", "* peak_used < 1TB").status == 0
    (tmp_path / "stormlog.toml").write_text('budgets = ["peak_used below 1GB"]\n')
    outcome = stormlog("gate", runs)
    assert outcome.status == 2
    assert "budgets" in outcome.stderr and "such as 'train/forward peak_reserved < 70GiB'" in outcome.stderr


@pytest.mark.parametrize(
    "text", ["", "peak_used < 1GB", "* peak_used > 1GB", "* peak < 1GB", "* hidden < 1.5GB"]
)
def test_a_bad_budget_is_wrong_usage_with_an_example(text: str, runs: Path) -> None:
    outcome = stormlog("gate", runs, "--budget", text)
    assert (outcome.status, outcome.stdout) == (2, "")
    assert "such as 'train/forward peak_reserved < 70GiB'" in outcome.stderr


def test_an_unknown_budget_fails_a_strict_gate(runs: Path) -> None:
    unknown = ("--budget", "load peak_used < 1GB")
    assert stormlog("gate", runs, *unknown).status == 0
    outcome = stormlog("gate", runs, *unknown, "--strict")
    assert outcome.status == 10 and "| unknown |" in outcome.stdout
