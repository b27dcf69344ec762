"""Long lists, files that grow and vanish, hostile texts, small terminals, runs and statements."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from textual.widgets import Input, Static
from textual_fastdatatable import DataTable

import stormlog.query
from stormlog.apps.tui.board import Board
from stormlog.apps.tui.detail import DetailPane
from stormlog.tracking import Tracker
from tests.apps.cli.samples import event, write_lines
from tests.apps.tui.driver import Driver, Place, alert, drive, write_capture

LETTERS = "abcdefghij"


def name(number: int) -> str:
    """Return a number in letters: texts that differ in digits are one issue."""
    return "".join(LETTERS[int(digit)] for digit in str(number))


def test_of_a_long_list_only_the_pages_are_read_that_are_seen(tmp_path: Path) -> None:
    write_lines(tmp_path / "many.jsonl", *(alert(f"kind {name(number)}", number) for number in range(1000)))
    read: list[int] = []

    class Watched(Board):
        def page(self, issues: Any, start: int, stop: int) -> Any:
            read.append(start)
            return super().page(issues, start, stop)

    async def scenario(driver: Driver) -> None:
        assert driver.issues.table.row_count == 1000
        assert read == [0]
        await driver.press("G")
        assert read == [0, 900]
        assert driver.issues.current is not None
        await driver.press("slash")
        await driver.type(f"kind {name(555)}")
        await driver.press("enter")
        assert sorted(set(read)) in ([0, 400, 900], [0, 400, 500, 900])
        assert driver.issues.current is not None and name(555) in driver.issues.current.row.title

    drive(
        lambda: Watched(stormlog.query.open(tmp_path, cache=False), [str(tmp_path)]), scenario, size=(80, 24)
    )


def test_the_list_follows_the_files_and_the_cursor_its_issue(tracked: Place, tmp_path: Path) -> None:
    place = tracked.copied(tmp_path, with_runs=True)
    file = place.runs / "events.jsonl"

    async def scenario(driver: Driver) -> None:
        await driver.press("slash")
        await driver.type("word")
        await driver.press("enter", "g", "j", "j", "space", "k")
        before, selected = driver.issues.current, list(driver.issues.selected)
        assert before is not None
        with file.open("a") as stream:
            stream.write(
                json.dumps(alert("six word", 90)) + "\n" + json.dumps(alert("seven word", 91)) + "\n"
            )
        await driver.until(lambda: len(driver.issues.issues or ()) == 8)
        await driver.settle()
        after = driver.issues.current
        assert after is not None and after.row.key == before.row.key
        assert list(driver.issues.selected) == selected
        assert driver.issues.table.cursor == 4
        # The OOM comes first, and all others have the word.
        assert driver.issues._matches == list(range(1, 8))
        # What others do in the tracker is seen as well.
        with Tracker(place.database) as tracker:
            tracker.claim(str(after.tracked.number))  # type: ignore[union-attr]
        await driver.until(lambda: driver.issues.current.tracked.status == "in_progress")  # type: ignore[union-attr]
        # Files that vanish take their issues along; what is left is the tracker's.
        shutil.rmtree(place.runs)
        await driver.until(lambda: len(driver.issues.issues or ()) == 0)
        await driver.settle()
        assert "no issues were found" in driver.screen
        await driver.press("enter", "c", "w", "escape", "escape")
        assert "internal error" not in driver.said
        write_capture(place.runs)
        await driver.until(lambda: len(driver.issues.issues or ()) == 6)

    drive(place.board, scenario, interval_s=0.2)


def test_issues_that_only_the_tracker_has_are_counted_and_listed_when_asked(
    tracked: Place, tmp_path: Path
) -> None:
    place = tracked.copied(tmp_path)
    with Tracker(place.database) as tracker:
        tracker.record_error("[red]disk[/] full")
    store = place.shared
    assert store is not None

    async def scenario(driver: Driver) -> None:
        assert "6 issues, by severity, t: 1 only in the tracker" in driver.screen
        await driver.press("slash", "7", "enter")
        assert "issue #7 is not in the list" in driver.said and "t lists" in driver.said
        await driver.press("t", "slash", "7", "enter")
        await driver.rest()
        assert driver.said == ""
        assert "7 issues, 1 found, by severity, of them 1 only in the tracker" in driver.screen
        assert "[tracker] [red]" in driver.screen
        assert "no evidence of it was found in the paths" in " ".join(driver.screen.split())
        # Whatever can be done with others can be done with it.
        await driver.press("c")
        assert driver.said.startswith("Claimed #7")
        await driver.press("enter", "enter")
        assert "no evidence lies below the paths" in driver.screen
        await driver.press("escape", "escape", "slash")
        await driver.type("DISK")
        await driver.press("enter")
        assert driver.issues._matches == [6]
        await driver.press("t")
        assert len(driver.issues.issues or ()) == 6
        # The same files are asked the same once.
        asked = store._last_answers
        await driver.press("o", "f5")
        assert store._last_answers is asked

    drive(place.board, scenario, size=(200, 40))


def test_what_was_said_goes_when_it_holds_no_more(tracked: Place, tmp_path: Path) -> None:
    place = tracked.copied(tmp_path)
    database = place.database
    assert database is not None

    async def scenario(driver: Driver) -> None:
        await driver.press("n")
        assert driver.said == "nothing was looked for: / looks for a text"
        await driver.press("slash")
        await driver.type("nowhere")
        await driver.press("enter", "g", "n")
        assert driver.said == "no issue of the list has 'nowhere'"
        # Esc lets go of the search, then of what was said; another view is about something else.
        await driver.press("escape", "escape")
        assert driver.said == ""
        await driver.press("y")
        assert driver.said.startswith("Copied")
        await driver.press("2")
        assert driver.said == ""
        database.rename(tmp_path / "elsewhere.db")
        await driver.until(lambda: "the tracker is not there any more" in driver.said)
        (tmp_path / "elsewhere.db").rename(database)
        await driver.until(lambda: not driver.said)

    drive(place.board, scenario, interval_s=0.1)


def test_the_statement_of_the_list_runs_as_it_stands(untracked: Place) -> None:
    async def scenario(driver: Driver) -> None:
        driver.issues.filter_by("kind=oom")
        await driver.settle()
        statement = driver.app.board.statement(driver.issues.fields)
        assert "-- $kind = ['oom']" in statement
        assert len(driver.app.board.store.sql(statement).rows) == 1
        await driver.press("w")
        assert "-- $kind = ['oom']" in driver.screen

    drive(untracked.board, scenario)


def test_evidence_that_vanishes_while_it_is_shown_is_said(untracked: Place, tmp_path: Path) -> None:
    place = untracked.copied(tmp_path, with_runs=True)

    async def scenario(driver: Driver) -> None:
        await driver.rest()
        await driver.press("enter", "enter")
        assert "events.jsonl:27" in driver.screen
        shutil.rmtree(place.runs)
        table = driver.app.screen.query_one("LazyTable")
        table.post_message(table.Moved(table))  # type: ignore[attr-defined]
        await driver.pilot.pause()
        await driver.settle()
        assert "cannot be read: No such file" in " ".join(driver.screen.split())

    drive(place.board, scenario)


HOSTILE = (
    "\x1b[31mred\x1b]0;title\x07 [bold red]markup[/] [@click=app.quit]x[/] \\[ [/nothing]",
    "long " + "x" * 1_000_000,
    "right \u202eleft\u200b zero\ud7ff",
    "[",
)


def test_hostile_texts_are_shown_and_not_obeyed(tmp_path: Path) -> None:
    records = [
        alert(text, number, session_id=f"[red]{number}", host="\x1b[2Jhost", job_id="[/]\x1bjob")
        for number, text in enumerate(HOSTILE)
    ]
    write_lines(tmp_path / "events.jsonl", *records)
    shown: list[str] = []

    async def scenario(driver: Driver) -> None:
        for _ in HOSTILE:
            await driver.rest()
            shown.append(driver.screen)
            await driver.press("enter", "enter")
            shown.append(driver.screen)
            await driver.press("escape", "escape", "j")
        await driver.press("w")
        shown.append(driver.screen)
        await driver.press("escape")
        await driver.press("2", "enter")
        await driver.rest()
        shown.append(driver.screen)
        await driver.press("colon")
        await driver.type("sql SELECT issues.title, host, events.session_id FROM issues, events")
        await driver.press("enter")
        shown.append(driver.screen)
        assert driver.sql._row_count == len(HOSTILE) ** 2
        assert "internal error" not in "".join(shown)

    drive(
        lambda: Board(stormlog.query.open(tmp_path, cache=False), [str(tmp_path)]), scenario, size=(120, 30)
    )
    text = "\n".join(shown)
    assert text.replace("\n", "").isprintable() or not [
        character
        for character in text.replace("\n", "")
        if ord(character) < 32 or 127 <= ord(character) < 160
    ]
    assert "[bold red]markup[/]" in text
    assert "\\x1b[2Jhost" in text


def test_tiny_terminals_do_no_harm_and_show_what_matters(untracked: Place) -> None:
    async def scenario(driver: Driver) -> None:
        await driver.resize(10, 3)
        assert driver.screen.splitlines()[0].strip() == "What"
        assert driver.screen.splitlines()[1].startswith("> ")
        await driver.press("i")
        assert driver.screen.split()[0] == "There"
        await driver.press("n")
        for key in (
            "j",
            "enter",
            "escape",
            "f",
            "escape",
            "question_mark",
            "escape",
            "2",
            "3",
            "escape",
            "1",
        ):
            await driver.press(key)
        await driver.resize(1, 1)
        await driver.press("G", "r", "escape")
        await driver.resize(120, 40)
        assert driver.issues.table.cursor == 5
        assert ">" in driver.screen and "6 issues" in driver.screen

    drive(untracked.board, scenario)


def test_without_colours_everything_is_said_in_words(
    tracked: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NO_COLOR", "1")

    async def scenario(driver: Driver) -> None:
        await driver.press("space")
        lines = driver.screen.splitlines()
        assert any(line.startswith(" *#") for line in lines)
        assert any(line.startswith("> #") for line in lines)
        assert "Monochrome" in {type(found).__name__ for found in driver.app._filters}

    drive(tracked.copied(tmp_path).board, scenario, size=(80, 24), ascii_only=True)


def test_issues_of_development_carry_a_badge(tmp_path: Path) -> None:
    write_lines(
        tmp_path / "events.jsonl",
        alert("made while trying", 1, metadata={"backend": "cuda", "is_dev": True}),
        alert("in earnest", 2, session_id="s-9"),
    )
    database = tmp_path / "tracker.db"
    with Tracker(database) as tracker:
        tracker.scan([tmp_path / "events.jsonl"], cache=False, settle_ns=0, is_dev=True)

    async def scenario(driver: Driver) -> None:
        assert "[dev] " in driver.screen

    drive(Place(tmp_path / "events.jsonl", database, tmp_path / "cache").board, scenario)


def test_a_filter_is_that_of_the_command_line_and_wrong_ones_are_said(tracked: Place, tmp_path: Path) -> None:
    async def scenario(driver: Driver) -> None:
        for line, count in (
            ("--kind alert --search one", 1),
            ("kind=oom", 1),
            ("word", 5),
            ("--rank 1", 1),
            ("--state new", 6),
            ("--state resolved", 0),
            ("--since 2030-01-01", 0),
            ("--hide-ignored", 6),
        ):
            driver.issues.filter_by(line)
            await driver.settle()
            assert len(driver.issues.issues or ()) == count, line
        for line, problem in (
            ("--colour red", "there is no filter --colour"),
            ("--kind nonsense", "unknown kind 'nonsense'"),
            ("--state lost", "unknown status 'lost'"),
            ("--since soon", "since"),
            ("--kind", "--kind needs a value"),
            ("'", "quotation mark"),
        ):
            await driver.press("F")
            driver.issues.query_one("#filter", Input).value = line
            await driver.press("enter")
            assert problem in driver.said
            await driver.press("escape")

    drive(tracked.copied(tmp_path).board, scenario)


def test_runs_show_their_memory_and_why(untracked: Place) -> None:
    async def scenario(driver: Driver) -> None:
        await driver.press("2")
        await driver.rest()
        text = str(driver.runs.query_one(DetailPane).query_one("#text", Static).content)
        assert "Rank 1 of 2 ran out of memory" in text
        # How its command ended, as `stormlog run` recorded it.
        assert "Rank 1: command killed by SIGKILL, the host ran out of memory." in text
        assert "\nMemory\nrank 0, device 0" in text
        assert "job-7" in driver.screen and "1.50 GiB" in driver.screen
        await driver.press("enter")
        await driver.rest()
        assert "2 sessions of job:job-7" in driver.screen
        assert "s-1" in driver.screen and "s-2" in driver.screen

    drive(untracked.board, scenario, size=(140, 50))


def test_the_pane_is_filled_once_the_cursor_has_rested(untracked: Place) -> None:
    """By the clock: the other tests do not wait for it."""

    async def scenario(driver: Driver) -> None:
        text = driver.issues.query_one(DetailPane).query_one("#text", Static)
        await driver.press("j")
        await driver.until(lambda: "word" in str(text.content))

    drive(untracked.board, scenario)


#: A statement that nobody waits for.
ENDLESS = "SELECT count(*) FROM range(100000000000) AS a, range(100000) AS b WHERE a.range <> b.range"
#: Statement -> part of what is said of it.
REFUSED = {
    "DELETE FROM issues": "SELECT",
    "COPY (SELECT 1) TO '/tmp/stolen.csv'": "SELECT",
    "SELECT * FROM read_text('/etc/passwd')": "read_text",
    "SELECT colour FROM issues": "colour",
    "SELECT 1; SELECT 2": "one",
    "SELEC": "SELEC",
}


def test_statements_are_guarded_and_completed(untracked: Place) -> None:
    async def scenario(driver: Driver) -> None:
        await driver.press("3")
        await driver.press("x")
        # Not in front of the example.
        assert driver.sql.statement.text == "x"
        for statement, problem in REFUSED.items():
            driver.sql.run_text(statement)
            await driver.settle()
            assert problem in str(driver.sql.query_one("#note", Static).content), statement
        driver.sql.run_text("SELECT * FROM range(5000)")
        await driver.settle()
        assert "the first 1,000 rows" in driver.screen
        assert driver.sql.query_one(DataTable).row_count == 1000
        driver.sql.statement.text = "SELECT tit"
        driver.sql.statement.move_cursor((0, 10))
        await driver.press("tab")
        assert "nothing begins so" in driver.screen or "title" in driver.screen
        driver.sql.statement.text = "SELECT * FROM issue_evid"
        driver.sql.statement.move_cursor((0, 24))
        await driver.press("tab")
        assert driver.sql.statement.text == "SELECT * FROM issue_evidence"
        driver.sql.run_text(ENDLESS)
        await driver.until(lambda: driver.app.background.is_busy("sql"))
        await driver.pilot.pause(0.1)
        await driver.pilot.press("escape")
        await driver.settle()
        assert "stopped" in driver.screen

    drive(untracked.board, scenario, size=(120, 40))


def test_leaving_stops_what_runs(untracked: Place) -> None:
    async def scenario(driver: Driver) -> None:
        await driver.press("3")
        driver.sql.run_text(ENDLESS)
        await driver.pilot.pause(0.1)
        await driver.app.action_quit()
        assert driver.app.board.is_closed

    drive(Place(untracked.runs, None, untracked.cache).board, scenario)


def test_what_was_skipped_is_counted_and_listed(tmp_path: Path) -> None:
    write_lines(tmp_path / "events.jsonl", event(), "broken", alert("one", 1))

    async def scenario(driver: Driver) -> None:
        assert ":warnings (1)" in driver.screen
        await driver.press("colon")
        await driver.type("warnings")
        await driver.press("enter")
        # The path before it is as long as the machine's: the line may be broken anywhere.
        shown = "".join(
            character for character in driver.screen if not character.isspace() and character != "│"
        )
        assert "events.jsonl:1lineskipped" in shown

    drive(
        lambda: Board(stormlog.query.open(tmp_path, cache=False), [str(tmp_path)]), scenario, size=(160, 24)
    )


def test_a_fault_of_the_program_is_a_sentence(untracked: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: Any) -> None:
        raise RuntimeError("surprise")

    async def scenario(driver: Driver) -> None:
        monkeypatch.setattr(driver.app.board, "evidence", fail)
        await driver.press("enter", "enter")
        assert driver.said == "internal error: RuntimeError: surprise"
        assert driver.app.is_running

    drive(untracked.board, scenario)
