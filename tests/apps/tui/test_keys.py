"""Every key does what the help says, on small and large terminals."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from textual.widgets import Input, OptionList, Static

from stormlog.apps.tui.detail import DetailPane
from stormlog.apps.tui.evidence import EvidenceScreen
from stormlog.apps.tui.keys import KEYS, keys_table
from stormlog.apps.tui.prompts import Ask, Choose, Confirm, Read
from stormlog.tracking import Tracker
from tests.apps.tui.driver import Driver, Place, drive
from tests.captures import CHECKOUT


class Step(NamedTuple):
    """Keys, and what holds afterwards.

    Attributes:
        keys: Key presses; a text after ``=`` is typed, with blanks for underscores.
        place: Part of `KEYS` that the first key belongs to.
        holds: Told the driver.
    """

    keys: str
    place: str
    holds: Callable[[Driver], object]


def cursor(place: int) -> Callable[[Driver], object]:
    return lambda driver: driver.issues.table.cursor == place


def over(kind: type) -> Callable[[Driver], object]:
    return lambda driver: isinstance(driver.app.screen, kind)


def nothing_over(driver: Driver) -> object:
    return len(driver.app.screen_stack) == 1


def said(text: str) -> Callable[[Driver], object]:
    return lambda driver: text in driver.said


def pane(driver: Driver) -> DetailPane:
    return driver.app.screen.query_one(DetailPane)


def status(driver: Driver, place: int = 0) -> str:
    row = driver.issues.row_at(place)
    assert row is not None and row.tracked is not None
    return row.tracked.status


def filter_line(driver: Driver) -> str:
    return driver.issues.query_one("#filter", Input).value


#: The list: six issues.
LIST = (
    Step("j", "list", cursor(1)),
    Step("down", "list", cursor(2)),
    Step("k", "list", cursor(1)),
    Step("up", "list", cursor(0)),
    Step("up", "list", cursor(0)),
    Step("G", "list", cursor(5)),
    Step("g", "list", cursor(0)),
    Step("end", "list", cursor(5)),
    Step("home", "list", cursor(0)),
    Step("pagedown", "list", lambda d: d.issues.table.cursor > 2),
    Step("pageup", "list", cursor(0)),
    Step("ctrl+f", "list", lambda d: d.issues.table.cursor > 2),
    Step("ctrl+b", "list", cursor(0)),
    Step("slash =two enter", "list", lambda d: "two" in d.titles[d.issues.table.cursor]),
    Step("escape slash =word enter", "list", lambda d: len(d.issues._matches) == 5),
    Step("n", "list", lambda d: d.issues.table.cursor in d.issues._matches),
    Step("G n", "list", lambda d: d.issues.table.cursor == d.issues._matches[0]),
    Step("N", "list", lambda d: d.issues.table.cursor == d.issues._matches[-1]),
    Step("escape", "list", lambda d: not d.issues._matches),
    Step("slash =#1 enter", "list", lambda d: d.issues.current.tracked.number == 1),  # type: ignore[union-attr]
    Step("escape", "list", nothing_over),
)
#: Choosing what is listed.
CHOICES = (
    Step("f", "issues", over(Choose)),
    Step("j enter", "issues", lambda d: d.issues.fields == {"severity": ["warning"]} or d.issues.fields),
    Step("escape", "list", lambda d: not d.issues.fields and len(d.issues.issues or ()) == 6),
    Step("F", "issues", lambda d: d.issues.query_one("#filter").has_focus),
    Step(
        "=--kind_oom enter", "", lambda d: len(d.issues.issues or ()) == 1 and filter_line(d) == "--kind oom"
    ),
    Step("F escape", "list", lambda d: d.issues.table.has_focus),
    Step("escape", "list", lambda d: not filter_line(d)),
    Step("s", "issues", lambda d: d.issues.fields == {"sort": "last_seen"}),
    Step("s s s s", "issues", lambda d: d.issues.fields == {}),
    Step("g space", "issues", lambda d: len(d.issues.selected) == 1 and d.issues.table.cursor == 1),
    Step("g space", "issues", lambda d: not d.issues.selected),
    Step("space escape", "list", lambda d: not d.issues.selected),
    Step("t", "issues", lambda d: d.issues.shows_tracker_only),
    Step("t", "issues", lambda d: not d.issues.shows_tracker_only),
    Step("Y", "issues", said("nothing was done yet")),
    Step("y", "issues", said("Copied: ")),
    Step("w", "issues", over(Read)),
    Step("w", "", nothing_over),
)
DETAIL = (
    Step("g enter", "list", lambda d: pane(d).has_focus),
    Step("G", "detail", lambda d: pane(d).scroll_y == pane(d).max_scroll_y),
    Step("g", "detail", lambda d: pane(d).scroll_y == 0),
    Step("j", "detail", lambda d: pane(d).scroll_y == min(1, pane(d).max_scroll_y)),
    Step("k", "detail", lambda d: pane(d).scroll_y == 0),
    Step("down", "detail", lambda d: pane(d).scroll_y == min(1, pane(d).max_scroll_y)),
    Step("up", "detail", lambda d: pane(d).scroll_y == 0),
    Step("end", "detail", lambda d: pane(d).scroll_y == pane(d).max_scroll_y),
    Step("home", "detail", lambda d: pane(d).scroll_y == 0),
    Step("pagedown", "detail", lambda d: pane(d).scroll_y > 0 or not pane(d).max_scroll_y),
    Step("pageup", "detail", lambda d: pane(d).scroll_y == 0),
    Step("ctrl+f", "detail", lambda d: pane(d).scroll_y > 0 or not pane(d).max_scroll_y),
    Step("ctrl+b", "detail", lambda d: pane(d).scroll_y == 0),
    Step("enter", "detail", over(EvidenceScreen)),
    Step(
        "enter",
        "",
        lambda d: pane(d).has_focus and '"timestamp_ns"' in str(pane(d).query_one("#text", Static).content),
    ),
    Step("escape escape", "", nothing_over),
    Step("escape", "", lambda d: d.issues.table.has_focus),
)
ACTIONS = (
    Step("g c", "action", lambda d: status(d) == "in_progress"),
    Step("Y", "issues", said("Copied: stormlog issues claim ")),
    Step("u", "action", lambda d: status(d) == "new"),
    Step("r", "action", over(Ask)),
    Step("=1.4 enter", "", lambda d: status(d) == "resolved"),
    Step("o", "action", lambda d: status(d) == "new"),
    Step("i", "action", over(Ask)),
    Step("=next enter =noise enter", "", lambda d: status(d) == "silenced"),
    Step("o m", "action", over(Ask)),
    Step("=seen enter", "", said("Commented on #")),
    Step("a", "action", over(Ask)),
    Step("=bob enter", "", lambda d: d.issues.current.tracked.assignee == "bob"),  # type: ignore[union-attr]
    Step("M", "action", said("select the other issues")),
    Step("j space M", "action", over(Confirm)),
    Step("y", "", lambda d: len(d.issues.issues or ()) == 5),
    Step("escape k U", "action", lambda d: isinstance(d.app.screen, Choose) or "nothing is merged" in d.said),
    Step("escape", "", nothing_over),
)
OTHER_VIEWS = (
    Step("2", "everywhere", lambda d: d.app.view is d.runs and d.runs.table.row_count == 1),
    Step("enter", "list", lambda d: d.runs.table.row_count == 2),
    Step("enter", "list", lambda d: pane_of(d.runs).has_focus),
    Step("escape escape", "list", lambda d: d.runs.table.row_count == 1),
    Step("slash =nowhere enter", "list", lambda d: d.runs.table.row_count == 0),
    Step("escape", "list", lambda d: d.runs.table.row_count == 1),
    Step("3", "everywhere", lambda d: d.sql.statement.has_focus),
    Step("enter", "statement", lambda d: d.sql._row_count == 6),
    Step("end =_lim tab", "statement", lambda d: d.sql.statement.text.endswith(" limit")),
    Step("escape", "statement", lambda d: d.app.view is d.issues),
    Step("1", "everywhere", lambda d: d.app.view is d.issues),
    Step("question_mark", "everywhere", over(Read)),
    Step("escape", "", nothing_over),
    Step("f5", "everywhere", lambda d: not d.said),
    Step("colon =sort_hits enter", "everywhere", lambda d: d.issues.fields == {"sort": "hits"}),
    Step("colon =nonsense enter", "everywhere", said("there is no command 'nonsense'")),
    Step("colon escape", "everywhere", lambda d: d.issues.table.has_focus),
    Step("q", "everywhere", lambda d: d.app.board.is_closed),
)
STEPS = LIST + CHOICES + DETAIL + ACTIONS + OTHER_VIEWS


def pane_of(view: Any) -> DetailPane:
    return view.query_one(DetailPane)  # type: ignore[no-any-return]


@pytest.mark.parametrize(
    ("size", "steps"),
    # What keys do to a text depends on how much of it is seen; all issues of the list are seen on any of these.
    [((80, 24), STEPS), ((200, 60), DETAIL)],
    ids=["80x24", "200x60"],
)
def test_every_key_does_what_the_help_says(
    size: tuple[int, int], steps: tuple[Step, ...], tracked: Place, tmp_path: Path
) -> None:
    place = tracked.copied(tmp_path)

    async def scenario(driver: Driver) -> None:
        for number, step in enumerate(steps):
            for key in step.keys.split(" "):
                if key.startswith("="):
                    await driver.type(key[1:].replace("_", " "))
                else:
                    await driver.press(key)
            if pane_is_wanted(step):
                await driver.rest()
            assert step.holds(driver), (number, step.keys, driver.said, driver.screen)

    drive(place.board, scenario, size=size)
    with Tracker(tmp_path / "tracker.db") as tracker:
        kinds = [activity.action for activity in tracker.history("1").activities]
    assert kinds


def pane_is_wanted(step: Step) -> bool:
    return step.place == "detail" or step.keys in ("g enter", "enter")


def test_every_key_is_tried() -> None:
    tried = {(step.place, key) for step in STEPS for key in step.keys.split(" ")}
    missing = [
        (key.place, name) for key in KEYS for name in key.keys.split(",") if (key.place, name) not in tried
    ]
    assert missing == []


def test_the_guide_has_every_key() -> None:
    assert keys_table() in (CHECKOUT / "docs" / "tui.md").read_text(encoding="utf-8")


def test_choices_move_with_letters_too(untracked: Place) -> None:
    async def scenario(driver: Driver) -> None:
        await driver.press("f", "j", "j", "k")
        assert driver.app.screen.query_one(OptionList).highlighted == 1

    drive(untracked.board, scenario)
