"""Statuses, errors, warnings, and readers that go away."""

from __future__ import annotations

import json
import signal
import subprocess
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from stormlog.apps.cli import app
from stormlog.apps.cli.exit_codes import ExitCode
from stormlog.apps.cli.printing.diagnostics import NOTICE_LIMIT, one_line
from stormlog.query import QueryStore
from tests.apps.cli.runner import COMMAND, stormlog
from tests.apps.cli.samples import START_NS, capture, damaged, event, write_lines


def test_the_numbers_of_statuses_never_change() -> None:
    assert {code.name: int(code) for code in ExitCode} == {
        "OK": 0,
        "QUERY": 1,
        "USAGE": 2,
        "SOURCES": 3,
        "REFUSED": 4,
        "PERMISSION": 5,
        "BUSY": 6,
        "MIGRATION": 7,
        "UNDELIVERED": 8,
        "FOUND": 10,
        "INTERRUPTED": 130,
    }


def test_nothing_to_read_is_status_3(tmp_path: Path) -> None:
    outcome = stormlog("query", "issues", tmp_path / "a", tmp_path / "b")
    assert (outcome.status, outcome.stdout) == (3, "")
    assert outcome.stderr.count("\n") == 1


def test_one_missing_path_among_others_is_a_warning(tmp_path: Path) -> None:
    path = capture(tmp_path)
    outcome = stormlog("query", "sessions", path, tmp_path / "missing", "--json")
    assert outcome.status == 0
    assert len(json.loads(outcome.stdout)) == 2
    assert outcome.stderr.startswith(f"Warning: {tmp_path / 'missing'}: ")


@pytest.mark.parametrize(
    ("write", "question", "options"),
    [
        (damaged, "issues", ()),
        (damaged, "issues", ("--session", "none")),
        (damaged, "issues", ("--sql", "SELECT 1")),
        (damaged, "issues", ("--json",)),
        (damaged, "sessions", ()),
        (damaged, "events", ()),
        (damaged, "events", ("--session", "none")),
        # Streamed.
        (damaged, "events", ("--json",)),
        (capture, "issues", ()),
        (capture, "events", ("--json",)),
    ],
)
def test_nothing_waits_for_ctrl_c_after_a_command(
    write: Callable[[Path], Path], question: str, options: tuple[str, ...], tmp_path: Path
) -> None:
    write(tmp_path)
    # The second time the rows are kept ones, and what was skipped is not known yet.
    for more in (["--quiet"], []):
        stormlog("query", question, tmp_path, *options, *more)
        assert "stormlog-interrupts" not in {thread.name for thread in threading.enumerate()}
        assert signal.set_wakeup_fd(-1) == -1


def test_skipped_lines_are_counted_and_located(tmp_path: Path) -> None:
    path = damaged(tmp_path)
    outcome = stormlog("query", "events", tmp_path, "--json")
    assert outcome.status == 0
    assert len(json.loads(outcome.stdout)) == 2
    assert outcome.stderr.startswith(f"Warning: {path}: 1 line skipped, line 2: ")
    assert outcome.stderr.count("\n") == 1


def test_the_first_of_several_skipped_lines_is_named(tmp_path: Path) -> None:
    path = write_lines(tmp_path / "events.jsonl", event(), "{", "[1]", event(), "?")
    outcome = stormlog("query", "events", tmp_path)
    assert outcome.stderr.startswith(f"Warning: {path}: 3 lines skipped, the first at line 2: ")


def test_many_warnings_are_cut_short(tmp_path: Path) -> None:
    for number in range(NOTICE_LIMIT + 15):
        write_lines(tmp_path / f"events-{number:03}.jsonl", event(), "{")
    lines = stormlog("query", "events", tmp_path).stderr.splitlines()
    assert len(lines) == NOTICE_LIMIT
    assert lines[-1].startswith("... and 16 more; ")
    assert "SELECT * FROM rejects" in lines[-1]


def test_the_advice_for_more_warnings_works(tmp_path: Path) -> None:
    damaged(tmp_path)
    rows = json.loads(
        stormlog("query", "events", tmp_path, "--json", "--sql", "SELECT * FROM rejects").stdout
    )
    assert [row["line_number"] for row in rows] == [2]


def test_quiet_hides_warnings_but_not_errors(tmp_path: Path) -> None:
    damaged(tmp_path)
    assert stormlog("query", "events", tmp_path, "--quiet").stderr == ""
    assert stormlog("query", "events", tmp_path / "missing", "-q").stderr.startswith("Error: ")


@pytest.mark.parametrize("command", ["events", "issues", "sessions"])
def test_strict_refuses_what_has_to_be_skipped(command: str, tmp_path: Path) -> None:
    path = damaged(tmp_path)
    outcome = stormlog("query", command, tmp_path, "--strict")
    assert (outcome.status, outcome.stdout) == (3, "")
    assert f"{path}:2: " in outcome.stderr


def test_strict_is_content_with_good_files(tmp_path: Path) -> None:
    capture(tmp_path)
    outcome = stormlog("query", "events", tmp_path, "--strict", "--json")
    assert (outcome.status, outcome.stderr, len(json.loads(outcome.stdout))) == (0, "", 3)


@pytest.mark.parametrize(
    ("arguments", "status", "code", "details"),
    [
        (["MISSING"], 3, "source_unreadable", {"path": "MISSING", "line": None}),
        (["HERE", "--limit", "-1"], 2, "invalid_value", {}),
        (["HERE", "--rank", "x"], 2, "invalid_value", {"command": "stormlog query events"}),
        (["HERE", "--sql", "DROP VIEW x"], 1, "query_failed", {"statement": "sql", "sql": "DROP VIEW x"}),
    ],
)
@pytest.mark.parametrize("flags", [["--json"], ["--format", "json"], ["--format=jsonl"]], ids=" ".join)
def test_errors_are_json_if_rows_would_be(
    arguments: list[str], status: int, code: str, details: dict[str, Any], flags: list[str], tmp_path: Path
) -> None:
    capture(tmp_path)
    places = {"MISSING": str(tmp_path / "missing"), "HERE": str(tmp_path)}
    outcome = stormlog("query", "events", *(places.get(argument, argument) for argument in arguments), *flags)
    assert (outcome.status, outcome.stdout) == (status, "")
    error = json.loads(outcome.stderr)["error"]
    assert error["code"] == code
    assert error["message"]
    assert error["details"] == {key: places.get(value, value) for key, value in details.items()}


def test_a_defect_is_one_line_with_advice(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: Any) -> None:
        raise TypeError("two\nlines")

    monkeypatch.setattr(QueryStore, "list_issues", broken)
    outcome = stormlog("query", "issues", tmp_path)
    assert (outcome.status, outcome.stdout) == (1, "")
    assert outcome.stderr.startswith("Error: TypeError: two lines. ")
    assert outcome.stderr.count("\n") == 1
    monkeypatch.setenv("STORMLOG_TRACEBACK", "1")
    assert "Traceback" in stormlog("query", "issues", tmp_path).stderr


def test_a_reader_that_leaves_is_no_failure(tmp_path: Path) -> None:
    write_lines(tmp_path / "events.jsonl", *(event(timestamp_ns=START_NS + number) for number in range(2000)))
    # One format that is streamed as text, one by the module for CSV, one that has to be whole first.
    for name in ("json", "csv", "table"):
        process = subprocess.Popen(
            [*COMMAND, "query", "events", str(tmp_path), "--format", name],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        assert process.stdout is not None
        assert process.stderr is not None
        assert process.stdout.readline()
        process.stdout.close()
        assert process.stderr.read() == b""
        assert process.wait() == 0
        process.stderr.close()


def test_a_full_disk_is_a_failure(tmp_path: Path) -> None:
    capture(tmp_path)
    with open("/dev/full", "wb") as full:
        done = subprocess.run(
            [*COMMAND, "query", "events", str(tmp_path)], stdout=full, stderr=subprocess.PIPE
        )
    assert done.returncode == 1
    assert done.stderr.startswith(b"Error: ")
    assert done.stderr.count(b"\n") == 1


def test_messages_lose_line_breaks_and_carets() -> None:
    assert (
        one_line("Binder Error: no x\n\nLINE 1: SELECT   x\n               ^")
        == "Binder Error: no x LINE 1: SELECT x"
    )


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["--json"], True),
        (["--format", "jsonl"], True),
        (["--format=json"], True),
        (["--format", "csv"], False),
        (["--", "--json"], False),
        ([], False),
    ],
)
def test_json_is_recognised_before_parsing(arguments: list[str], expected: bool) -> None:
    assert app.wants_json(arguments) == expected
