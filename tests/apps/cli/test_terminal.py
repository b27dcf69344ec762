"""Tables, colours, progress and Ctrl-C on a real terminal."""

from __future__ import annotations

import io
import json
import sys
from pathlib import Path

import pytest

import stormlog.query
from stormlog.apps.cli.options.targets import EVENTS, ISSUES, SESSIONS, Target
from stormlog.apps.cli.printing.formats import Answer
from stormlog.apps.cli.printing.terminal import print_terminal_table
from tests.apps.cli.runner import on_terminal, without_styles
from tests.apps.cli.runner import stormlog as command_line
from tests.apps.cli.samples import capture, damaged, event, write_lines

#: Runs the command line with the progress bar due at once and a question that takes its time.
_SLOW = [
    sys.executable,
    "-c",
    """
import sys, time
from stormlog.apps.cli import app
from stormlog.apps.cli.printing import diagnostics
from stormlog._progress import Progress
from stormlog.query.store import QueryStore
diagnostics._PROGRESS_DELAY_S = 0.05
QueryStore.progress = lambda self: Progress(412 * 10**6, 1027 * 10**6)
answer = QueryStore.list_issues
QueryStore.list_issues = lambda self, filters: (time.sleep(float(sys.argv.pop(1))), answer(self, filters))[1]
raise SystemExit(app.run(sys.argv[2:]))
""",
]


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Files that are only read: what a process has asked, the next one finds remembered."""
    return capture(tmp_path_factory.mktemp("runs")).parent


@pytest.mark.parametrize("target", [ISSUES, SESSIONS, EVENTS], ids=lambda target: target.method)
def test_a_table_fits_every_width(target: Target, runs: Path) -> None:
    with stormlog.query.open(runs) as store:
        rows = Answer(getattr(store, target.method)(), target)
        for width in range(12, 250):
            file = io.StringIO()
            print_terminal_table(rows, file, width=width, colour=True)
            assert max(len(line) for line in without_styles(file.getvalue()).splitlines()) <= width


def test_issues_show_what_people_ask_first(runs: Path) -> None:
    shown = without_styles(on_terminal("query", "issues", runs, width=180)[1])
    header, _, first, *_ = shown.splitlines()
    # A wider terminal shows more: see the next test.
    assert 80 < len(header) <= 180
    assert [word.strip() for word in header.split("  ") if word.strip()] == [
        "Fingerprint",
        "Severity",
        "Kind",
        "Title",
        "What",
        "Failures",
        "Runs",
        "Sessions",
        "First seen (UTC)",
        "Last seen (UTC)",
    ]
    issue = json.loads(command_line("query", "issues", runs, "--json").stdout)[0]
    assert first.split()[:3] == [issue["fingerprint_id"][6:18], issue["severity"], issue["kind"]]
    assert "2026-01-02 03:04:07" in first


def test_what_does_not_fit_is_named(runs: Path) -> None:
    shown = without_styles(on_terminal("query", "issues", runs, width=80)[1])
    header = shown.splitlines()[0]
    assert "Title" in header and len(header) <= 80
    assert "Not shown at this width: Kind, " in shown


def test_every_row_is_there_even_if_there_are_many(tmp_path: Path) -> None:
    write_lines(
        tmp_path / "e.jsonl", *(event(timestamp_ns=number, context=f"c{number}") for number in range(450))
    )
    shown = without_styles(on_terminal("query", "events", tmp_path, width=200)[1])
    assert [line.split()[-1] for line in shown.splitlines()[2:]] == [f"c{number}" for number in range(450)]


def test_severities_are_coloured_unless_colours_are_unwanted(runs: Path) -> None:
    assert "\x1b[1;31mcritical" in on_terminal("query", "issues", runs)[1]
    assert "\x1b[" not in on_terminal("query", "issues", runs, "--no-color")[1]
    assert "\x1b[" not in on_terminal("query", "issues", runs, environment={"NO_COLOR": "1"})[1]


def test_text_from_files_cannot_steer_the_terminal(tmp_path: Path) -> None:
    write_lines(tmp_path / "e.jsonl", event(context="a\x1b]0;mine\x07[bold]b[/bold]"))
    shown = on_terminal("query", "events", tmp_path, width=200)[1]
    assert "\x1b]" not in shown
    assert "a\\x1b]0;mine\\x07[bold]b[/bold]" in shown


def test_rows_of_a_statement_fit_too(runs: Path) -> None:
    shown = without_styles(on_terminal("query", "events", runs, "--sql", "SELECT * FROM events", width=70)[1])
    assert max(map(len, shown.splitlines())) <= 70
    assert "Not shown at this width" in shown


def test_no_rows_on_a_terminal(tmp_path: Path) -> None:
    assert on_terminal("query", "issues", tmp_path, "-q") == (0, "No rows.\n")


def test_a_terminal_of_unknown_width_has_80_columns(runs: Path) -> None:
    shown = on_terminal("query", "issues", runs, "-q", width=0)
    assert shown == on_terminal("query", "issues", runs, "-q", width=80)


@pytest.mark.parametrize("width", [40, 120])
def test_a_dumb_terminal_shows_the_same_table_without_colours(width: int, runs: Path) -> None:
    dumb = on_terminal("query", "issues", runs, "-q", width=width, environment={"TERM": "dumb"})[1]
    assert dumb == without_styles(on_terminal("query", "issues", runs, "-q", width=width)[1])
    assert max(map(len, dumb.splitlines())) <= width


def test_progress_is_drawn_and_cleared(tmp_path: Path) -> None:
    capture(tmp_path)
    status, shown = on_terminal("0.5", "query", "issues", tmp_path, command=_SLOW)
    assert status == 0
    drawn, _, rest = shown.rpartition("\r\x1b[K")
    assert "\r[############" in drawn
    assert "] 412 of 1,027 MB  " in drawn
    assert " MB/s" in drawn
    assert without_styles(rest).startswith("Fingerprint")


def test_quiet_draws_no_progress(tmp_path: Path) -> None:
    capture(tmp_path)
    assert " MB" not in on_terminal("0.5", "query", "issues", tmp_path, "--quiet", command=_SLOW)[1]


def test_ctrl_c_is_one_line_and_status_130(tmp_path: Path) -> None:
    capture(tmp_path)
    status, shown = on_terminal("30", "query", "issues", tmp_path, "-q", command=_SLOW, interrupt_after_s=3.0)
    assert (status, shown.strip()) == (130, "Interrupted.")


@pytest.mark.parametrize("threads", ["1", "2"])
def test_ctrl_c_inside_a_statement_is_no_failure_of_it(threads: str, tmp_path: Path) -> None:
    # With two threads, the one that hears of signals soon waits for the other.
    capture(tmp_path)
    endless = "SELECT count(*) FROM range(3000000) a(x), range(3000000) b(y) WHERE (x + y) % 7 = 3"
    status, shown = on_terminal(
        "query", "issues", tmp_path, "-q", "--threads", threads, "--sql", endless, interrupt_after_s=1.2
    )
    assert (status, shown.strip()) == (130, "Interrupted.")


def test_ctrl_c_is_json_if_that_was_asked_for(tmp_path: Path) -> None:
    capture(tmp_path)
    status, shown = on_terminal(
        "30", "query", "issues", tmp_path, "-q", "--json", command=_SLOW, interrupt_after_s=3.0
    )
    assert status == 130
    assert json.loads(shown)["error"]["code"] == "interrupted"


def test_warnings_are_coloured_on_a_terminal(tmp_path: Path) -> None:
    damaged(tmp_path)
    status, shown = on_terminal("query", "events", tmp_path, width=300)
    assert status == 0
    assert "\x1b[33m\x1b[1mWarning:\x1b[0m" in shown
