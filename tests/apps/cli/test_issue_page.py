"""``stormlog issues show`` and ``history``: with and without a tracker, and with telemetry that is gone."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from stormlog.apps.cli.printing import output
from stormlog.tracking import Tracker
from stormlog.workflows import show_issue
from tests.apps.cli.runner import Outcome, on_terminal, stormlog, without_styles
from tests.apps.cli.samples import START_NS, event, write_lines
from tests.explaining.test_issue_account import OOM, runs_of_versions

pytestmark = pytest.mark.usefixtures("one_store_for_all_commands")

JOB = Path(__file__).parents[3] / "examples" / "job"


@pytest.fixture(scope="module")
def scanned(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A copy of the shipped job, and a tracker that scanned it."""
    folder = tmp_path_factory.mktemp("scanned")
    shutil.copytree(JOB, folder / "job")
    assert stormlog("scan", folder / "job", "--db", folder / "t.db", "-q").status == 0
    return folder / "job", folder / "t.db"


@pytest.fixture
def tracked(scanned: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The tracker, for one test."""
    monkeypatch.setenv("STORMLOG_USER", "kim")
    monkeypatch.delenv("STORMLOG_AGENT", raising=False)
    for file in scanned[1].parent.glob("t.db*"):
        shutil.copy(file, tmp_path / file.name)
    return tmp_path / "t.db"


def one_line(outcome: Outcome) -> str:
    assert outcome.status == 0, outcome
    return " ".join(outcome.stdout.split())


def as_json(outcome: Outcome) -> dict[str, Any]:
    assert outcome.status == 0, outcome
    found: dict[str, Any] = json.loads(outcome.stdout)
    return found


def test_a_page_joins_the_tracker_with_the_telemetry_that_it_scanned(
    scanned: tuple[Path, Path], tracked: Path
) -> None:
    job, _ = scanned
    text = one_line(stormlog("issues", "show", OOM, "--db", tracked))
    for part in (
        "OOM captured by flight recorder torch.cuda.outofmemoryerror, cuda #",
        "Status new",
        "rank 5, host gpu-node-02, device 1, in train / backward, 2026-11-17 22:50:00 UTC",
        "Tried to allocate 5.50 GiB",
        "5.50 GiB, while 4.90 GiB was free",
        "backend: cuda; reason: torch.cuda.outofmemoryerror",
        "rank 5: 100 % of 4 hits",
        "not in 1.4.0, back in 1.4.1",
        "Memory of rank 5, device 1 (79.2 GiB)",
        f"{job}/1.4.1/ranks/rank5/segment-000001.jsonl:63",
        "Bundle " + str(job),
        "found by a scan",
        f"stormlog why {job} --issue",
        "stormlog issues resolve",
    ):
        assert part in text, part
    assert "Rule" not in text


def test_json_keeps_its_keys_and_adds_the_account(tracked: Path) -> None:
    detail = as_json(stormlog("issues", "show", OOM, "--db", tracked, "--json"))
    with Tracker(tracked, read_only=True) as tracker:
        said = tracker.issue(OOM).as_dict()
    assert {name: detail[name] for name in said} == json.loads(json.dumps(said))
    assert detail["account"]["fingerprint_id"] == OOM
    assert (detail["rule"], detail["gone"], detail["account_problem"]) == (None, [], None)


def test_an_issue_is_shown_without_a_tracker(
    scanned: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("STORMLOG_DB", raising=False)
    job, _ = scanned
    outcome = stormlog("issues", "show", "63b1d6", job)
    text = one_line(outcome)
    assert OOM in text and "rank 5: 100 % of 4 hits" in text and "Status" not in text
    assert f"stormlog why {job} --issue {OOM}" in text
    detail = as_json(stormlog("issues", "show", "63b1d6", job, "--format", "json"))
    assert (detail["issue"], detail["comments"], detail["account"]["hit_count"]) == (None, [], 4)


def test_paths_that_are_named_are_read_in_place_of_what_was_scanned(
    scanned: tuple[Path, Path], tracked: Path
) -> None:
    job, _ = scanned
    detail = as_json(stormlog("issues", "show", OOM, job / "1.3.9", "--db", tracked, "--json"))
    assert (detail["issue"]["hit_count"], detail["account"]["hit_count"]) == (4, 2)
    text = one_line(stormlog("issues", "show", OOM, job / "1.4.0", "--db", tracked))
    assert "no evidence of it was found in the paths" in text


def test_a_fingerprint_that_the_tracker_does_not_know_is_looked_for_in_the_paths(
    scanned: tuple[Path, Path], tmp_path: Path
) -> None:
    db = tmp_path / "other.db"
    path = write_lines(tmp_path / "events.jsonl", event(event_type="warning", context="slow"))
    assert stormlog("scan", path, "--db", db, "-q").status == 0
    for name in ("63b1d6", OOM):
        detail = as_json(stormlog("issues", "show", name, scanned[0], "--db", db, "--json"))
        assert (detail["issue"], detail["account"]["fingerprint_id"]) == (None, OOM)
    assert stormlog("issues", "show", "99", scanned[0], "--db", db).status == 4
    assert stormlog("issues", "show", OOM, "--db", db).status == 4


def test_telemetry_that_is_gone_is_said_to_be_gone(tmp_path: Path) -> None:
    runs = tmp_path / "runs"
    shutil.copytree(JOB, runs)
    db = tmp_path / "t.db"
    assert stormlog("scan", runs, "--db", db, "-q").status == 0
    shutil.rmtree(runs / "1.4.1")
    some = one_line(stormlog("issues", "show", OOM, "--db", db))
    assert "Read is what is left: 2 sources with evidence not found" in some
    assert "100 % of 2 hits" in some
    shutil.rmtree(runs)
    none = one_line(stormlog("issues", "show", OOM, "--db", db))
    assert "Only what the tracker knows is shown: its telemetry is not there any more (4 sources" in none
    assert "Evidence was recorded in" in none and "stormlog issues claim" in none
    detail = as_json(stormlog("issues", "show", OOM, "--db", db, "--json"))
    assert detail["account"] is None and len(detail["gone"]) == 4


def test_runs_that_are_older_than_what_is_left_are_not_forgotten(tmp_path: Path) -> None:
    old, new = tmp_path / "old", tmp_path / "new"
    old.mkdir(), new.mkdir()
    runs_of_versions(old, ("1.0", True))
    runs_of_versions(new, ("1.0", False), ("1.1", False), ("1.2", True))
    for path in (old, new):
        text = path.joinpath("events.jsonl").read_text()
        path.joinpath("events.jsonl").write_text(
            text.replace('"s', f'"{path.name}-s').replace('"j', f'"{path.name}-j')
        )
    lines = [json.loads(line) for line in new.joinpath("events.jsonl").read_text().splitlines()]
    write_lines(
        new / "events.jsonl", *({**r, "timestamp_ns": r["timestamp_ns"] + 10 * 86400 * 10**9} for r in lines)
    )
    db = tmp_path / "t.db"
    assert stormlog("scan", old, new, "--db", db, "-q").status == 0
    shutil.rmtree(old)
    with Tracker(db, read_only=True) as tracker:
        (issue,) = [found for found in tracker.list_issues().issues if found.kind == "oom"]
        account = show_issue(issue.issue_id, tracker=tracker).account
    assert account is not None
    # Without the tracker, 1.1 would seem to be the last version without it, ever.
    assert (account.versions.last_without, account.versions.first_with) == (None, None)


def test_a_namesake_of_another_program_is_left_out(tmp_path: Path) -> None:
    db = tmp_path / "t.db"
    for app in ("a", "b"):
        folder = tmp_path / app
        folder.mkdir()
        said = {"backend": "cuda", "app": app}
        records = [
            event(event_type="start", metadata=said, session_id=app),
            *(
                event(
                    event_type="warning",
                    context="slow",
                    timestamp_ns=START_NS + n,
                    metadata=said,
                    session_id=app,
                )
                for n in range(1, 4)
            ),
        ]
        write_lines(folder / "events.jsonl", *records)
    assert stormlog("scan", tmp_path / "a", tmp_path / "b", "--db", db, "-q").status == 0
    with Tracker(db, read_only=True) as tracker:
        found = tracker.list_issues().issues
        assert sorted(issue.app for issue in found) == ["a", "b"]
        for issue in found:
            account = show_issue(issue.issue_id, tracker=tracker).account
            assert account is not None and account.hit_count == 3


def test_a_merged_issue_has_the_evidence_of_both(scanned: tuple[Path, Path], tracked: Path) -> None:
    with Tracker(tracked) as tracker:
        ids = {issue.kind: issue.issue_id for issue in tracker.list_issues().issues}
        tracker.merge(ids["oom"], ids["alert"])
    outcome = stormlog("issues", "show", ids["alert"], "--db", tracked)
    assert f"{ids['alert']} is merged into {ids['oom']}" in outcome.stderr
    assert "of 12 hits" in one_line(outcome)
    detail = as_json(stormlog("issues", "show", ids["alert"], "--db", tracked, "--json"))
    assert detail["account"]["hit_count"] == 12 and len(detail["account"]["fingerprint_ids"]) == 2


# ---- status, history and comments ----------------------------------------------------------------------


def test_a_status_is_shown_with_how_it_came_about(tracked: Path) -> None:
    def page() -> str:
        return one_line(stormlog("issues", "show", OOM, "--db", tracked))

    stormlog("issues", "claim", OOM, "--db", tracked)
    assert "Status in progress, claimed by kim" in page()
    stormlog("issues", "resolve", OOM, "--version", "1.4.0", "--db", tracked)
    assert "Status resolved in 1.4.0 by kim" in page()
    stormlog("issues", "ignore", OOM, "--db", tracked)
    assert "Status ignored (was resolved in 1.4.0)" in page()
    stormlog("issues", "comment", OOM, "line <b>one</b>\n\n    indented \x1b[31m", "--db", tracked)
    shown = stormlog("issues", "show", OOM, "--db", tracked).stdout
    assert "  line <b>one</b>\n\n      indented \\x1b[31m\n" in shown


def test_a_regression_is_told_with_both_versions(tmp_path: Path) -> None:
    db, runs = tmp_path / "t.db", tmp_path / "runs"
    runs.mkdir()
    runs_of_versions(runs, ("1.3.0", True))
    assert stormlog("scan", runs, "--db", db, "-q").status == 0
    assert stormlog("issues", "resolve", "1", "--version", "1.4.0", "--db", db).status == 0
    runs_of_versions(runs, ("1.3.0", True), ("1.4.1", True))
    assert stormlog("scan", runs, "--db", db, "-q").status == 0
    assert "Status regressed: seen in 1.4.1, fixed in 1.4.0 (pep440)" in one_line(
        stormlog("issues", "show", "1", "--db", db)
    )
    for words in ([], ["--format", "markdown"]):
        history = stormlog("issues", "history", "1", "--db", db, *words).stdout
        assert "1.4.1 > 1.4.0 (pep440), found by a scan" in history.replace("&gt;", ">")
        assert "resolved in 1.4.0 by" in history and "{" not in history
    page = json.loads(stormlog("issues", "history", "1", "--db", db, "--json").stdout)
    assert set(page["activities"][0]) == {
        *(
            "activity_id",
            "issue_id",
            "at_ns",
            "actor_type",
            "actor_id",
            "action",
            "before",
            "after",
            "scan_id",
        )
    }


# ---- versions in a repository, and rules ---------------------------------------------------------------


def git(repo: Path, *words: str) -> None:
    identity = ["-c", "user.name=a", "-c", "user.email=a@example.org"]
    subprocess.run(["git", "-C", repo, *identity, *words], check=True, capture_output=True)


def test_the_command_for_the_changes_is_named_where_git_knows_both_versions(
    scanned: tuple[Path, Path], tmp_path: Path
) -> None:
    repo = tmp_path / "repo"
    repo.mkdir()
    words = ("issues", "show", OOM, scanned[0], "--repo", repo)
    assert "git log" not in stormlog(*words).stdout, "no repository"
    git(repo, "init", "-q")
    git(repo, "commit", "-q", "--allow-empty", "-m", "one")
    git(repo, "tag", "v1.4.0")
    assert "git log" not in stormlog(*words).stdout, "one version is not known"
    git(repo, "commit", "-q", "--allow-empty", "-m", "two")
    git(repo, "tag", "1.4.1")
    assert "Changes      git log v1.4.0..1.4.1\n" in stormlog(*words).stdout
    assert "git log" not in stormlog(*words[:-2]).stdout


def test_the_rule_is_added_on_request(scanned: tuple[Path, Path]) -> None:
    text = stormlog("issues", "show", OOM, scanned[0], "--why").stdout
    assert "Rule oom, version 1" in text and "CREATE OR REPLACE MACRO issues.event_kind" in text
    detail = as_json(stormlog("issues", "show", OOM, scanned[0], "--why", "--json"))
    assert detail["rule"]["sql"][0]["name"] == "issues.event_kind"
    markdown = stormlog("issues", "show", OOM, scanned[0], "--why", "--format", "markdown").stdout
    assert "### Rule oom, version 1" in markdown


# ---- ids and usage -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "part"),
    [
        (["63b"], "give 6 digits or more"),
        (["ffffffff"], "there are issue:"),
        (["12"], "is a number"),
        (["no-such-id"], "there are issue:"),
    ],
)
def test_an_issue_that_is_not_there_ends_with_4_and_with_what_to_do(
    scanned: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch, words: list[str], part: str
) -> None:
    monkeypatch.delenv("STORMLOG_DB", raising=False)
    outcome = stormlog("issues", "show", *words, scanned[0])
    assert (outcome.status, outcome.stdout) == (4, "")
    assert part in outcome.stderr


def test_no_telemetry_ends_with_3(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("STORMLOG_DB", raising=False)
    (tmp_path / "empty").mkdir()
    assert stormlog("issues", "show", OOM, tmp_path / "empty").status == 3
    assert stormlog("issues", "show", OOM, tmp_path / "none").status == 3


def test_formats_that_contradict_each_other_are_wrong_usage(scanned: tuple[Path, Path]) -> None:
    assert stormlog("issues", "show", OOM, scanned[0], "--json", "--format", "markdown").status == 2
    assert stormlog("issues", "show", OOM, scanned[0], "--json", "--format", "json").status == 0
    assert stormlog("issues", "show", OOM, scanned[0], "--no-cache", "--cache-dir", scanned[0]).status == 2


def test_a_terminal_gets_colours_and_its_width_and_a_dumb_one_ascii(scanned: tuple[Path, Path]) -> None:
    status, shown = on_terminal("issues", "show", OOM, scanned[0], width=100, environment={"PYTHONUTF8": "1"})
    assert status == 0 and "\x1b[1m" in shown and "█" in shown
    lines = without_styles(shown).split("Evidence")[0].splitlines()
    assert max(map(len, lines)) <= 100 and max(map(len, lines)) > 80
    status, dumb = on_terminal("issues", "show", OOM, scanned[0], environment={"TERM": "dumb"})
    assert status == 0 and "\x1b" not in dumb and "█" not in dumb and "#" in dumb


def test_hostile_telemetry_stays_text(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("STORMLOG_DB", raising=False)
    assert not output.is_terminal()
    evil = (
        "\x1b[2J <script>alert(1)</script> [red]x[/red] [x](http://evil) \u202e | \r\n# head " + "y" * 100_000
    )
    records = [
        event(
            event_type="warning",
            context=evil,
            host=evil[:50],
            timestamp_ns=START_NS + n,
            metadata={"backend": evil[:80]},
        )
        for n in range(3)
    ]
    path = write_lines(tmp_path / "events.jsonl", *records)
    page = as_json(Outcome(0, stormlog("query", "issues", path, "--json").stdout, ""))
    name = page[0]["fingerprint"]["fingerprint_id"]  # type: ignore[index]
    text = stormlog("issues", "show", name, path)
    assert text.status == 0 and "\x1b" not in text.stdout and "\u202e" not in text.stdout
    assert len(text.stdout) < 10_000
    markdown = stormlog("issues", "show", name, path, "--format", "markdown").stdout
    assert "<script>" not in markdown and "[x](http" not in markdown and "\x1b" not in markdown
    assert not any(line.startswith("# head") for line in markdown.splitlines())
