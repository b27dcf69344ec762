"""``stormlog issues``: lists, verbs, comments and merges on the command line."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from stormlog.tracking import Tracker
from stormlog.tracking.models import TrackedIssue
from tests.apps.cli.runner import Outcome, on_terminal, stormlog, without_styles
from tests.tracking.evidence import fingerprint_id, see

Run = Callable[..., Outcome]

ISSUE_KEYS = {
    "number",
    "issue_id", "project", "app", "is_dev", "kind", "status", "state", "title", "severity", "fix_version",
    "resolved_ns", "ignore_until", "assignee", "occurrence_count", "hit_count", "run_count", "unique_user_count",
    "recurred_count", "recurred_last_ns", "first_seen_ns", "last_seen_ns", "first_seen_version", "last_seen_version",
    "last_activity_ns", "last_notified_ns", "created_ns", "updated_ns", "revision", "fingerprint_ids", "failure_count",
    "what", "merged_from",
}  # fmt: skip


@pytest.fixture
def db(tmp_path: Path) -> Path:
    path = tmp_path / "tracker.db"
    with Tracker(path) as tracker:
        see(tracker, "F1", "s1", 1_700_000_000, version="1.0", run="j1", user="u")
        see(tracker, "F1", "s2", 1_700_000_010, version="1.5", run="j2")
        see(
            tracker, "F2", "s2", 1_700_000_020, severity="critical", kind="oom", title="Out of \x1b[31mmemory"
        )
    return path


@pytest.fixture
def run(db: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.setenv("STORMLOG_DB", str(db))
    monkeypatch.setenv("STORMLOG_USER", "kim")
    monkeypatch.delenv("STORMLOG_AGENT", raising=False)
    return lambda *words: stormlog("issues", *words)


def issue(db: Path, name: str = "F1") -> TrackedIssue:
    with Tracker(db, read_only=True) as tracker:
        return tracker.issue(fingerprint_id(name)).issue


def as_json(outcome: Outcome) -> Any:
    assert (outcome.status, outcome.stderr) == (0, ""), outcome
    return json.loads(outcome.stdout)


def error_of(outcome: Outcome) -> dict[str, Any]:
    assert outcome.stdout == ""
    error: dict[str, Any] = json.loads(outcome.stderr)["error"]
    return error


# ---- looking -------------------------------------------------------------------------------------------


def test_the_list_as_json_is_a_page_with_all_columns(run: Run) -> None:
    page = as_json(run("list", "--json"))
    assert set(page) == {"issues", "cursor", "has_more"}
    assert (page["cursor"], page["has_more"]) == (None, False)
    assert [set(row) for row in page["issues"]] == [ISSUE_KEYS, ISSUE_KEYS]
    assert [row["kind"] for row in page["issues"]] == ["oom", "alert"]
    assert page["issues"][1]["fingerprint_ids"] == [fingerprint_id("F1")]


def test_pages_follow_one_another(run: Run) -> None:
    first = as_json(run("list", "--limit", "1", "--json"))
    second = as_json(run("list", "--limit", "1", "--after", first["cursor"], "--json"))
    assert [row["kind"] for row in first["issues"] + second["issues"]] == ["oom", "alert"]
    assert not second["has_more"]
    plain = run("list", "--limit", "1")
    assert plain.stderr == "Note: 1 more: --page 2\n"
    assert as_json(run("list", "--limit", "1", "--page", "2", "--json")) == second
    assert run("list", "--limit", "1", "--page", "2").stderr == ""


def test_the_list_comes_in_every_format(run: Run, db: Path) -> None:
    rows = [json.loads(line) for line in run("list", "--jsonl").stdout.splitlines()]
    assert [set(row) for row in rows] == [ISSUE_KEYS] * 2
    table = list(csv.DictReader(io.StringIO(run("list", "--csv").stdout)))
    assert set(table[0]) == ISSUE_KEYS
    assert [row["issue_id"] for row in table] == [row["issue_id"] for row in rows]
    markdown = run("list", "--format", "markdown").stdout
    assert (
        "| \\#1 | new | warning | alert | Alert: F1 | name=F1 | a | 2 | 2 | 2 | 1 | 1.0 - 1.5 |" in markdown
    )
    plain = run("list").stdout
    assert plain.splitlines()[0].split()[:2] == ["#", "Status"]
    assert "\x1b" not in plain
    assert run("list", "--text", "nowhere").stdout == "No rows.\n"


@pytest.mark.parametrize(
    ("words", "kinds"),
    [
        (["--status", "new"], ["oom", "alert"]),
        (["--state", "open"], ["oom", "alert"]),
        (["--state", "ignored", "--status", "regressed"], []),
        (["--rank", "0"], ["oom", "alert"]),
        (["--hide-ignored"], ["oom", "alert"]),
        (["--since", "1970-01-01"], ["oom", "alert"]),
        (["--until", "1970-01-01"], []),
        (["--sort", "sessions"], ["alert", "oom"]),
        (["--page", "2"], []),
        (["--kind", "oom", "--kind", "alert"], ["oom", "alert"]),
        (["--severity", "critical"], ["oom"]),
        (["--app", "a"], ["oom", "alert"]),
        (["--dev"], []),
        (["--production"], ["oom", "alert"]),
        (["--run", "j1"], ["alert"]),
        (["--session", "s2"], ["oom", "alert"]),
        (["--version", "1.5"], ["alert"]),
        (["--text", "MEMORY"], ["oom"]),
        (["--where", "run_count > 1"], ["alert"]),
        (["--sort", "users"], ["alert", "oom"]),
        (["--all-projects"], ["oom", "alert"]),
    ],
    ids=" ".join,
)
def test_filters_are_options(run: Run, words: list[str], kinds: list[str]) -> None:
    outcome = run("list", "--json", *words)
    assert [row["kind"] for row in json.loads(outcome.stdout)["issues"]] == kinds
    assert outcome.stderr.startswith("Note: ") == (not kinds)


@pytest.mark.parametrize(
    "words",
    [
        ["--status", "opened"],
        ["--dev", "--prod"],
        ["--hide-ignored", "--state", "silenced"],
        ["--since", "2h", "--until", "3h"],
        ["--page", "2", "--after", "x"],
        ["--fields", "titel"],
        ["--kind", "ooms"],
        ["--severity", "critcal"],
        ["--sort", "name"],
        ["--limit", "0"],
        ["--after", "x"],
        ["--where", "1) OR (1"],
        ["--where", "1; DROP TABLE issues"],
    ],
    ids=" ".join,
)
def test_a_filter_that_nobody_knows_is_wrong_usage(run: Run, words: list[str]) -> None:
    outcome = run("list", "--json", *words)
    assert outcome.status == 2
    assert error_of(outcome)["code"] == "invalid_value"


def test_what_recurs_while_resolved_is_shown(run: Run, db: Path) -> None:
    with Tracker(db) as tracker:
        tracker.resolve(fingerprint_id("F1"), version="2.0")
        see(tracker, "F1", "s9", 1_700_000_030)
    assert "resolved (recurring)" in run("list", "--format", "markdown").stdout
    assert (
        "Recurring    in 1 session while resolved, last 2023-11-14 22:13:50 UTC"
        in run("show", fingerprint_id("F1")).stdout
    )


def test_an_issue_is_shown_with_all_that_belongs_to_it(run: Run, db: Path) -> None:
    run("comment", fingerprint_id("F1"), "line one\nline \x1b[31mtwo")
    text = run("show", issue(db).issue_id[-8:]).stdout
    for part in (
        issue(db).issue_id,
        "Alert: F1",
        "1.0 - 1.5",
        fingerprint_id("F1"),
        "Sessions: 2",
        "s1",
        "kim (user)",
    ):
        assert part in text
    assert "  line one\n  line \\x1b[31mtwo\n" in text
    detail = as_json(run("show", fingerprint_id("F1"), "--json"))
    assert set(detail) == {
        *("issue", "fingerprints", "occurrences", "evidence", "comments", "merged_into"),
        *("account", "account_problem", "gone", "rule", "git_command", "next"),
    }
    assert set(detail["issue"]) == ISSUE_KEYS


def test_the_history_says_who_did_what(run: Run) -> None:
    run("claim", fingerprint_id("F1"))
    run("resolve", fingerprint_id("F1"), "--as-agent", "bot")
    page = as_json(run("history", fingerprint_id("F1"), "--json"))
    assert [(row["action"], row["actor_type"], row["actor_id"]) for row in page["activities"]] == [
        ("resolve", "agent", "bot"),
        ("claim", "user", "kim"),
        ("create", "scan", "test"),
    ]
    assert "claim" in run("history", fingerprint_id("F1")).stdout


def test_tables_on_a_terminal_fit_it(run: Run, db: Path) -> None:
    status, shown = on_terminal("issues", "list", "--db", db, width=70)
    assert status == 0
    lines = without_styles(shown).splitlines()
    assert max(map(len, lines)) <= 70
    assert "#1" in shown
    assert "Not shown at this width" in shown


# ---- verbs ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "confirmation", "status"),
    [
        (["claim"], "Claimed {}", "in_progress"),
        (["resolve", "--version", "2.0"], "Resolved {} in 2.0", "resolved"),
        (["ignore"], "Ignored {}", "silenced"),
        (["silence"], "Ignored {}", "silenced"),
        (["assign", "--to", "lee"], "Assigned {} to lee", "new"),
        (["assign", "--nobody"], "Unassigned {}", "new"),
    ],
    ids=str,
)
def test_verbs_confirm_in_one_line(
    run: Run, db: Path, words: list[str], confirmation: str, status: str
) -> None:
    outcome = run(*words, fingerprint_id("F1"))
    line = confirmation.format("#1")
    assert outcome == Outcome(0, f"{line} (Alert: F1)\n", "")
    assert issue(db).status == status


def test_verbs_answer_programs_with_the_issues(run: Run) -> None:
    answer = as_json(run("resolve", fingerprint_id("F1"), "--json"))
    assert set(answer) == {"issues", "warnings"}
    (row,) = answer["issues"]
    assert set(row) == ISSUE_KEYS
    assert (row["status"], row["fix_version"]) == ("resolved", None)
    assert [warning["code"] for warning in answer["warnings"]] == ["no_fix_version"]
    reopened = as_json(run("reopen", fingerprint_id("F1"), "--json"))
    assert reopened["issues"][0]["status"] == "new"


def test_warnings_for_people_go_to_stderr(run: Run, db: Path) -> None:
    assert run("resolve", fingerprint_id("F2")).stderr == (
        "Warning: without a fix version, recurrence will be counted but cannot regress\n"
    )
    outcome = run("resolve", fingerprint_id("F1"), "--version", "1.2")
    assert outcome.status == 0
    assert "version 1.5 is recorded already" in outcome.stderr
    amended = run("resolve", fingerprint_id("F1"), "--version", "1.6", "--amend")
    assert amended == Outcome(0, "Amended #1: fixed in 1.6 (Alert: F1)\n", "")
    assert issue(db).fix_version == "1.6"


def test_a_silence_may_end(run: Run, db: Path) -> None:
    words = [
        "--reason",
        "noise",
        "--until-count",
        "5",
        "--until-runs",
        "3",
        "--until",
        "2040-01-02T03:04:05+00:00",
    ]
    run("ignore", fingerprint_id("F1"), *words)
    assert issue(db).ignore_until == {
        "count": 5,
        "from_count": 2,
        "runs": 3,
        "from_runs": 2,
        "date_ns": 2_209_086_245 * 10**9,
        "reason": "noise",
    }
    text = " ".join(run("show", fingerprint_id("F1")).stdout.split())
    assert "until 5 more sessions or 3 more runs or 2040-01-02 03:04:05 UTC: noise" in text


@pytest.mark.parametrize(
    "words",
    [
        ["--until", "2001-01-01"],
        ["--until", "soon"],
        ["--until", "yesterday"],
        ["--until", "7d ago"],
        ["--until", "9999-12-31"],
        ["--until-runs", "0"],
    ],
    ids=str,
)
def test_a_silence_that_cannot_be_meant_is_wrong_usage(run: Run, db: Path, words: list[str]) -> None:
    assert run("ignore", fingerprint_id("F1"), *words).status == 2
    assert issue(db).status == "new"


def test_a_refusal_names_what_is_allowed(run: Run, db: Path) -> None:
    run("resolve", fingerprint_id("F1"))
    outcome = run("claim", fingerprint_id("F1"), "--json")
    assert outcome.status == 4
    error = error_of(outcome)
    assert error["code"] == "illegal_transition"
    assert (error["details"]["from"], error["details"]["to"]) == ("resolved", "in_progress")
    assert error["details"]["allowed"] == ["new", "silenced"]
    assert run("claim", fingerprint_id("F1")).stderr.startswith("Error: ")


def test_an_unknown_issue_is_not_found(run: Run) -> None:
    outcome = run("claim", "ffffffff", "--json")
    assert outcome.status == 4
    assert error_of(outcome)["code"] == "not_found"
    assert run("list", "--project", "misspelt").status == 4


def test_a_stale_revision_is_refused(run: Run, db: Path) -> None:
    revision = issue(db).revision
    assert run("claim", fingerprint_id("F1"), "--revision", revision).status == 0
    outcome = run("resolve", fingerprint_id("F1"), "--revision", revision, "--json")
    assert (outcome.status, error_of(outcome)["code"]) == (4, "stale_revision")


def test_several_issues_change_at_once_or_not_at_all(run: Run, db: Path) -> None:
    run("resolve", fingerprint_id("F2"))
    assert run("claim", fingerprint_id("F1"), fingerprint_id("F2")).status == 4
    assert issue(db, "F1").status == "new"
    outcome = run("ignore", "--where", "severity IN ('warning', 'critical')")
    assert (outcome.status, len(outcome.stdout.splitlines())) == (0, 2)
    assert run("claim", "--where", "title = ''").stdout == "No issue fits.\n"
    assert run("claim").status == 2


def test_more_than_fifty_issues_need_assent(run: Run, db: Path) -> None:
    with Tracker(db) as tracker:
        for number in range(51):
            see(tracker, f"many-{number}", "s7")
    where = ["--where", "title LIKE 'Alert: many-%'"]
    outcome = run("claim", *where)
    assert outcome.status == 2
    assert "51 issues" in outcome.stderr
    assert "--yes" in outcome.stderr
    assert issue(db, "many-0").status == "new"
    outcome = run("claim", "--yes", *where)
    assert outcome.status == 0
    assert outcome.stdout.splitlines()[-1] == "... and 31 more"
    assert issue(db, "many-50").status == "in_progress"


def test_a_missing_permission_is_named(run: Run, db: Path) -> None:
    assert run("list", "--allow", "issues:read").status == 0
    outcome = run("resolve", fingerprint_id("F1"), "--allow", "issues:read", "--json")
    assert outcome.status == 5
    assert error_of(outcome) == {
        "code": "permission_denied",
        "message": "this needs the permission issues:write",
        "details": {"permission": "issues:write"},
    }
    assert issue(db).status == "new"
    assert run("list", "--allow", "everything").status == 2


def test_there_is_nothing_to_list_where_no_tracker_is(tmp_path: Path) -> None:
    outcome = stormlog("issues", "list", "--db", tmp_path / "missing.db")
    assert outcome.status == 3
    assert not (tmp_path / "missing.db").exists()


# ---- merging -------------------------------------------------------------------------------------------


def test_issues_merge_and_split(run: Run, db: Path) -> None:
    target, source = issue(db, "F1").issue_id, issue(db, "F2").issue_id
    outcome = run("merge", target, source)
    assert (outcome.status, outcome.stdout.split(" (")[0]) == (0, f"Merged {source} into #1")
    shown = run("show", source)
    assert shown.stderr == f"{source} is merged into {target}.\n"
    detail = as_json(run("show", source, "--json"))
    assert (detail["merged_into"], detail["issue"]["merged_from"]) == (target, source)
    assert error_of(run("merge", target, source, "--json"))["code"] == "already_merged"

    assert run("unmerge", source).stdout.startswith("Brought back #2 (Out of ")
    assert as_json(run("merge", target, source, "--json"))["issue_id"] == target
    assert as_json(run("unmerge", source, "--json"))["issue_id"] == source


def test_a_merge_is_refused_where_it_would_hide_something(run: Run, db: Path) -> None:
    with Tracker(db) as tracker:
        see(tracker, "F3", "s3", is_dev=True)
        see(tracker, "F4", "s3", app="b")
    for name in ("F3", "F4"):
        outcome = run("merge", fingerprint_id("F1"), fingerprint_id(name), "--json")
        assert (outcome.status, error_of(outcome)["code"]) == (4, "merge_scope")
    assert run("merge", fingerprint_id("F1"), fingerprint_id("F4"), "--across-apps").status == 0
    run("resolve", fingerprint_id("F1"), "--version", "2.0")
    assert run("merge", fingerprint_id("F1"), fingerprint_id("F2")).status == 4
    assert run("merge", fingerprint_id("F1"), fingerprint_id("F2"), "--reopen").status == 0
    assert (issue(db).status, issue(db).fix_version) == ("new", None)


def test_a_merge_needs_two_issues(run: Run) -> None:
    assert run("merge", fingerprint_id("F1")).status == 2
    assert run("merge", fingerprint_id("F1"), fingerprint_id("F1")).status == 2
    assert run("merge", fingerprint_id("F1"), "ffffffff").status == 4


# ---- comments ------------------------------------------------------------------------------------------


def test_comments_are_written_changed_and_deleted(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    first = as_json(run("comment", fingerprint_id("F1"), "  text  ", "--json"))
    assert (first["body"], first["author_type"], first["author_name"]) == ("text", "user", "kim")
    monkeypatch.setattr("sys.stdin", io.StringIO("from stdin\n"))
    second = as_json(run("comment", fingerprint_id("F1"), "-", "--as-agent", "bot", "--json"))
    assert (second["body"], second["author_type"]) == ("from stdin", "agent")
    rows = as_json(run("comments", fingerprint_id("F1"), "--json"))
    assert rows == [first, second]
    assert "from stdin" in run("comments", fingerprint_id("F1")).stdout

    outcome = run("edit-comment", second["comment_id"], "mine", "--json")
    assert (outcome.status, error_of(outcome)["code"]) == (4, "not_author")
    assert run("edit-comment", first["comment_id"][-8:], "better").status == 0
    assert run("delete-comment", first["comment_id"], "--as-agent", "bot").status == 4
    assert run("delete-comment", second["comment_id"]).status == 0
    assert [row["body"] for row in as_json(run("comments", fingerprint_id("F1"), "--json"))] == ["better"]


def test_a_blank_comment_is_wrong_usage(run: Run) -> None:
    assert run("comment", fingerprint_id("F1"), "   ").status == 2


# ---- recording -----------------------------------------------------------------------------------------


def test_error_texts_become_issues(run: Run) -> None:
    words = [
        "--module",
        "Net",
        "--session",
        "s1",
        "--at",
        "2023-11-14T00:00:00Z",
        "--code-version",
        "1.2",
        "--json",
    ]
    first = as_json(run("record", "User 123 not found", *words))
    second = as_json(run("record", "User 456 not found", *words))
    assert first["issue_id"] == second["issue_id"]
    assert (first["kind"], second["hit_count"], second["first_seen_version"]) == ("error", 2, "1.2")
    assert second["first_seen_ns"] == 1_699_920_000 * 10**9
    assert (
        as_json(run("record", "User 1 not found", "--module", "net", "--json"))["issue_id"]
        != first["issue_id"]
    )
    assert run("record", "boom").stdout.startswith("Recorded as ")
