"""``stormlog why``: what it asks of the library, what it prints where, and how it ends."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from stormlog.errors import SourceError, UnknownIdError
from stormlog.explaining.models import Explanation
from stormlog.query.store import QueryStore
from tests.apps.cli.runner import on_terminal, stormlog, without_styles
from tests.apps.cli.samples import capture, write_lines
from tests.apps.cli.shared_stores import shared_stores
from tests.presenting.samples import clean, neither_ended_nor_failed, out_of_memory
from tests.specification.fitting import misfits


class Explained:
    """Stands for the library: what it was asked, and what it answers.

    Attributes:
        asked: Arguments of the calls, those left out that are None.
        answer: What is returned, or raised.
    """

    def __init__(self) -> None:
        self.asked: list[dict[str, Any]] = []
        self.answer: Explanation | BaseException = out_of_memory()

    def explain(self, **arguments: Any) -> Explanation:
        self.asked.append({name: value for name, value in arguments.items() if value is not None})
        if isinstance(self.answer, BaseException):
            raise self.answer
        return self.answer


@pytest.fixture
def explained(monkeypatch: pytest.MonkeyPatch) -> Explained:
    found = Explained()
    monkeypatch.setattr(QueryStore, "explain", lambda _, **arguments: found.explain(**arguments))
    return found


@pytest.fixture
def runs(tmp_path: Path) -> Path:
    (tmp_path / "runs").mkdir()
    capture(tmp_path / "runs")
    return tmp_path / "runs"


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Such runs, which commands read through one store."""
    folder = capture(tmp_path_factory.mktemp("shared")).parent
    with shared_stores(folder):
        yield folder


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tracker that knows such runs."""
    folder = tmp_path_factory.mktemp("recorded")
    assert stormlog("scan", capture(folder), "--db", folder / "t.db", "-q").status == 0
    return folder / "t.db"


def test_the_screen_goes_to_stdout_and_other_runs_to_stderr(explained: Explained, runs: Path) -> None:
    outcome = stormlog("why", runs)
    assert outcome.status == 0
    assert outcome.stdout.startswith("Rank 3 of 8 ran out of memory first.\n")
    assert "\x1b" not in outcome.stdout
    assert outcome.stderr == (
        "Note: also failed: attempt 1 of llm-pretrain, llm-pretrain-0398 (see one with --run ID --attempt N)\n"
    )
    assert explained.asked == [{}]


def test_a_run_that_did_not_fail_is_an_answer_too(explained: Explained, runs: Path) -> None:
    explained.answer = clean()
    outcome = stormlog("why", runs)
    assert (outcome.status, outcome.stdout.splitlines()[0], outcome.stderr) == (0, "No rank failed.", "")


@pytest.mark.parametrize("arguments", [[], ["--brief"], ["--format", "markdown"]])
def test_how_old_telemetry_is_that_just_ends_is_told_by_the_clock(
    arguments: list[str], explained: Explained, runs: Path
) -> None:
    explanation = neither_ended_nor_failed()
    explained.answer = replace(
        explanation, run=replace(explanation.run, last_ns=time.time_ns() - 50 * 3600 * 10**9)
    )
    assert "2 days ago." in stormlog("why", runs, *arguments).stdout
    explained.answer = replace(explanation, run=replace(explanation.run, last_ns=time.time_ns()))
    assert " ago" not in stormlog("why", runs, *arguments).stdout


def test_json_is_the_answer_of_the_library(explained: Explained, runs: Path) -> None:
    for arguments in (["--json"], ["--format", "json"]):
        printed = json.loads(stormlog("why", runs, *arguments).stdout)
        assert printed == json.loads(json.dumps(out_of_memory().as_dict()))
    assert printed["first_failure"]["timestamp_utc"] == "2026-11-20T09:45:34.512000Z"
    assert explained.asked == [{}, {}]


def test_markdown_and_brief(explained: Explained, runs: Path) -> None:
    assert stormlog("why", runs, "--format", "markdown").stdout.startswith("## Rank 3 of 8 ran out of memory")
    brief = stormlog("why", runs, "--brief").stdout
    assert brief.count("\n") == 1 and "rank 3 of 8 ran out of memory first" in brief


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (("--json", "--brief"), "--brief and --json exclude each other."),
        (("--format", "text", "--json"), "--format text and --json exclude each other."),
        (("--format", "markdown", "--brief"), "--brief and --format markdown exclude each other."),
    ],
)
def test_formats_exclude_one_another(
    arguments: tuple[str, ...], expected: str, explained: Explained, runs: Path
) -> None:
    outcome = stormlog("why", runs, *arguments)
    assert outcome.status == 2
    assert expected in outcome.stderr
    assert explained.asked == []


def test_the_same_format_may_be_named_twice(explained: Explained, runs: Path) -> None:
    assert stormlog("why", runs, "--format", "json", "--json").status == 0


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (("--run", "r-1"), {"run_id": "r-1"}),
        (("--session", "s-1"), {"session_id": "s-1"}),
        (("--session-id", "s-1"), {"session_id": "s-1"}),
        (("--issue", "issue:abc"), {"issue": "issue:abc"}),
        (("--run", "r-1", "--at", "1970-01-01T00:00:01Z"), {"run_id": "r-1", "at_ns": 10**9}),
    ],
)
def test_what_is_asked_for_reaches_the_library(
    arguments: tuple[str, ...], expected: dict[str, Any], explained: Explained, runs: Path
) -> None:
    assert stormlog("why", runs, *arguments).status == 0
    assert explained.asked == [expected]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-11-20 09:45:34 UTC", 1_795_167_934_000_000_000),
        ("2026-11-20 09:45:34", 1_795_167_934_000_000_000),
        ("2026-11-20T09:45:34.512Z", 1_795_167_934_512_000_000),
        ("2026-11-20T10:45:34+01:00", 1_795_167_934_000_000_000),
        ("2026-11-20", 1_795_132_800_000_000_000),
        ("20261120", 1_795_132_800_000_000_000),
        ("1795167934", 1_795_167_934_000_000_000),
        (" 1795167934.123456789 ", 1_795_167_934_123_456_789),
        ("1795167934512000000", 1_795_167_934_512_000_000),
    ],
)
def test_times_are_dates_seconds_or_nanoseconds(
    text: str, expected: int, explained: Explained, runs: Path
) -> None:
    assert stormlog("why", runs, "--at", text).status == 0
    assert explained.asked == [{"at_ns": expected}]


@pytest.mark.parametrize(
    "text", ["", "soon", "7dd", "1795167934512", "9999999999999999999", "99999999999", "-5"]
)
def test_what_is_no_time_is_refused(text: str, explained: Explained, runs: Path) -> None:
    outcome = stormlog("why", runs, "--at", text)
    assert outcome.status == 2
    assert "'--at'" in outcome.stderr
    assert explained.asked == []


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (UnknownIdError("run", "x", ["r-1"]), 4),
        (SourceError("no telemetry"), 3),
        (ValueError("a bad argument"), 2),
        (KeyboardInterrupt(), 130),
    ],
)
def test_how_it_ends(error: BaseException, status: int, explained: Explained, runs: Path) -> None:
    explained.answer = error
    outcome = stormlog("why", runs)
    assert (outcome.status, outcome.stdout) == (status, "")
    as_json = stormlog("why", runs, "--json")
    assert as_json.status == status
    assert set(json.loads(as_json.stderr)["error"]) == {"code", "details", "message"}


def test_skipped_lines_are_warnings_and_with_strict_an_error(explained: Explained, runs: Path) -> None:
    write_lines(runs / "torn.jsonl", ["{"])
    explained.answer = replace(out_of_memory(), other_runs=())

    def read_all(store: QueryStore, **_: Any) -> Explanation:
        store.list_issues()
        return out_of_memory()

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(QueryStore, "explain", read_all)
        outcome = stormlog("why", runs)
        assert outcome.status == 0
        assert "torn.jsonl: 1 line skipped" in outcome.stderr
        assert stormlog("why", runs, "-q").stderr == ""
        assert stormlog("why", runs, "--strict").status == 3


def test_without_any_path_that_exists_the_status_is_3(explained: Explained, tmp_path: Path) -> None:
    assert stormlog("why", tmp_path / "nothing").status == 3
    assert explained.asked == []


# ---- issues of a tracker -------------------------------------------------------------------------------


def tracked(recorded: Path) -> dict[str, Any]:
    page = json.loads(stormlog("issues", "list", "--db", recorded, "--json").stdout)
    return dict(next(issue for issue in page["issues"] if issue["fingerprint_ids"]))


def test_an_issue_of_the_tracker_becomes_its_fingerprint(
    explained: Explained, runs: Path, recorded: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    issue = tracked(recorded)
    wanted = [{"issue": issue["fingerprint_ids"][0]}]
    number = issue["number"]
    names = (
        issue["issue_id"],
        issue["issue_id"][-8:],
        issue["fingerprint_ids"][0],
        f"{number}",
        f"#{number}",
    )
    for name in (*names, f"default/{number}"):
        explained.asked.clear()
        assert stormlog("why", runs, "--issue", name, "--db", recorded).status == 0
        assert explained.asked == wanted
    monkeypatch.setenv("STORMLOG_DB", str(recorded))
    explained.asked.clear()
    assert stormlog("why", runs, "--issue", issue["issue_id"]).status == 0
    assert explained.asked == wanted


def test_of_a_merged_issue_the_fingerprint_that_the_paths_know_counts(
    explained: Explained, runs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    database = tmp_path / "t.db"
    assert stormlog("scan", runs, "--db", database, "-q").status == 0
    first, second = json.loads(stormlog("issues", "list", "--db", database, "--json").stdout)["issues"][:2]
    arguments = ("--across-apps", "--keep-status", "--db", database)
    assert stormlog("issues", "merge", first["issue_id"], second["issue_id"], *arguments).status == 0
    both = {*first["fingerprint_ids"], *second["fingerprint_ids"]}

    def known(_: QueryStore, *, issue: str | None = None, **others: Any) -> Explanation:
        explained.asked.append({"issue": issue})
        if len(explained.asked) < len(both):
            raise UnknownIdError("issue", str(issue))
        return out_of_memory()

    monkeypatch.setattr(QueryStore, "explain", known)
    assert stormlog("why", runs, "--issue", first["issue_id"], "--db", database).status == 0
    assert {asked["issue"] for asked in explained.asked} == both


def test_an_unknown_issue_ends_with_4_with_and_without_a_tracker(
    explained: Explained, runs: Path, recorded: Path
) -> None:
    without = stormlog("why", runs, "--issue", "deadbeef")
    assert without.status == 4
    assert "an issue is named by its fingerprint" in without.stderr
    assert stormlog("why", runs, "--issue", "12").status == 4
    assert stormlog("why", runs, "--issue", "deadbeef", "--db", recorded).status == 4
    assert explained.asked == []


def test_a_project_needs_a_tracker(explained: Explained, runs: Path) -> None:
    assert stormlog("why", runs, "--project", "p").status == 2
    assert explained.asked == []


def test_a_tracker_that_does_not_exist_is_refused(explained: Explained, runs: Path, tmp_path: Path) -> None:
    assert stormlog("why", runs, "--db", tmp_path / "none.db").status == 3
    assert explained.asked == []


# ---- schema --------------------------------------------------------------------------------------------


def test_the_schema_needs_no_path() -> None:
    outcome = stormlog("why", "--schema")
    assert (outcome.status, outcome.stderr) == (0, "")
    assert json.loads(outcome.stdout)["properties"]["run"]["$ref"] == "#/$defs/ExplainedRun"


def test_a_terminal_gets_colours_and_its_width_and_a_dumb_one_ascii(tmp_path: Path) -> None:
    """With the library itself, in a process of its own."""
    capture(tmp_path)
    status, shown = on_terminal("why", tmp_path, width=100, environment={"PYTHONUTF8": "1"})
    assert status == 0
    assert "\x1b[31m" in shown
    plain = without_styles(shown)
    assert "ran out of memory" in plain or "failed with an error" in plain
    status, dumb = on_terminal("why", tmp_path, environment={"TERM": "dumb"})
    assert status == 0
    assert "\x1b" not in dumb and "█" not in dumb


@pytest.mark.parametrize("arguments", [("--run", "none"), ("--session", "none"), ("--issue", "issue:none")])
def test_ids_that_name_nothing_end_with_4(arguments: tuple[str, ...], shared: Path) -> None:
    outcome = stormlog("why", shared, *arguments, "--json")
    assert outcome.status == 4
    error = json.loads(outcome.stderr)["error"]
    assert (error["code"], list(error["details"].values())) == ("not_found", [arguments[1]])


def test_without_telemetry_the_status_is_3(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("nothing")
    outcome = stormlog("why", tmp_path)
    assert (outcome.status, outcome.stdout) == (3, "")


def test_real_answers_fit_the_schema(shared: Path) -> None:
    schema = json.loads(stormlog("why", "--schema").stdout)
    assert misfits(json.loads(stormlog("why", shared, "--json").stdout), schema) == []
    at_the_end = json.loads(stormlog("why", shared, "--json", "--at", "2262-01-01").stdout)
    assert misfits(at_the_end, schema) == []
    assert at_the_end["accounts"] and at_the_end["first_failure"] is None


def test_where_all_telemetry_was_skipped_the_reason_is_said(tmp_path: Path) -> None:
    write_lines(tmp_path / "events.jsonl", ["{"])
    outcome = stormlog("why", tmp_path)
    assert outcome.status == 3
    assert "events.jsonl: 1 line skipped" in outcome.stderr
    assert outcome.stderr.splitlines()[-1].startswith("Error: ")
    assert len(stormlog("why", tmp_path, "-q").stderr.splitlines()) == 1


def test_a_fingerprint_may_be_named_by_its_digits() -> None:
    job = Path(__file__).parents[3] / "examples" / "job"
    digits = "63b1d6557bebb97a5d630e5b"
    with_digits = stormlog("why", job, "--issue", digits, "--json", "-q")
    assert with_digits.status == 0
    assert with_digits.stdout == stormlog("why", job, "--issue", f"issue:{digits}", "--json", "-q").stdout
