"""What the screens look like, as text: ``python -m tests.apps.tui.test_screens`` writes them anew."""

from __future__ import annotations

import contextlib
import re
import shutil
import sys
import tempfile
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import stormlog.query
from stormlog.apps.tui.board import Board, PlaceOfTracker
from stormlog.query import QueryStore
from stormlog.tracking import Actor, Tracker
from tests.apps.tui.driver import PERMISSIONS, Driver, SharingBoard, drive
from tests.captures import CHECKOUT

SCREENS = Path(__file__).parent / "screens"
PICTURE = CHECKOUT / "docs" / "tui.svg"
PICTURE_SIZE = (150, 36)
#: By the clock: a day after the last run.
NOW_NS = 1_795_046_400 * 10**9
PATHS = ("examples/job", "examples/captures/v4-cuda-sim")


async def of_issues(driver: Driver) -> None:
    await driver.rest()


async def after_an_action(driver: Driver) -> None:
    await driver.press("j", "r")
    await driver.type("1.4.2")
    await driver.press("enter")
    await driver.rest()


async def of_a_question(driver: Driver) -> None:
    await driver.press("i")


async def of_runs(driver: Driver) -> None:
    await driver.press("2")
    await driver.rest()


async def of_evidence(driver: Driver) -> None:
    await driver.rest()
    await driver.press("enter", "enter")


async def of_statements(driver: Driver) -> None:
    await driver.press("3", "enter")


async def of_help(driver: Driver) -> None:
    await driver.press("question_mark")


#: Name of the screen -> size, and what leads to it.
CASES: dict[str, tuple[tuple[int, int], Callable[[Driver], Awaitable[None]]]] = {
    "issues-80x24": ((80, 24), of_issues),
    "issues-200x60": ((200, 60), of_issues),
    "action-120x32": ((120, 32), after_an_action),
    "question-80x24": ((80, 24), of_a_question),
    "runs-120x40": ((120, 40), of_runs),
    "evidence-120x40": ((120, 40), of_evidence),
    "statement-80x24": ((80, 24), of_statements),
    "help-120x40": ((120, 40), of_help),
}


def prepare(folder: Path) -> Path:
    """Copy the shipped job and a capture into a folder, and return the folder, with a tracker that has scanned them."""
    for path in PATHS:
        shutil.copytree(CHECKOUT / path, folder / path)
    ann = Actor("user", "ann", "ann")
    with contextlib.chdir(folder), Tracker("made.db", actor=ann, clock=lambda: NOW_NS) as tracker:
        tracker.scan(PATHS, cache=False, settle_ns=0)
        number = str(tracker.list_issues(kind="oom", app="lm-pretrain").issues[0].number)
        tracker.claim(number)
        tracker.comment(number, "The *batch* of 1.4.1 is larger.")
    return folder


def screen_of(case: str, folder: Path, store: QueryStore, picture: Path | None = None) -> str:
    """Return a screen as text, without what differs from time to time.

    Args:
        case: Of `CASES`.
        folder: What `prepare` returned; the current directory, so that paths are equally long everywhere.
        store: Open over `PATHS`; it stays open.
        picture: Where to write it as SVG too.
    """
    size, scenario = CASES[case]
    if picture is not None:
        size = PICTURE_SIZE
    shutil.copy(folder / "made.db", folder / "tracker.db")
    shown: list[str] = []

    def board() -> Board:
        return SharingBoard(store, PATHS, PlaceOfTracker("tracker.db", "default", PERMISSIONS))

    async def run(driver: Driver) -> None:
        # What stands behind a dialog has come before it.
        await driver.rest()
        await scenario(driver)
        await driver.pilot.pause()
        shown.append(driver.screen)
        if picture is not None:
            drawn = driver.app.export_screenshot(title="stormlog tui", simplify=True)
            # Whoever looks at it downloads nothing.
            drawn = re.sub(r"@font-face \{.*?\}\s*", "", drawn, flags=re.DOTALL)
            picture.write_text("\n".join(map(str.rstrip, drawn.splitlines())) + "\n", encoding="utf-8")

    drive(board, run, size=size)
    text = re.sub(r"\d\d:\d\d:\d\d UTC$", "hh:mm:ss UTC", shown[0], count=1, flags=re.MULTILINE)
    # Ids of issues are random.
    text = re.sub(r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}", "0" * 36, text)
    return text.rstrip() + "\n"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return prepare(tmp_path_factory.mktemp("screens"))


@pytest.fixture(scope="module")
def store(folder: Path) -> Iterator[QueryStore]:
    with contextlib.chdir(folder):
        opened = stormlog.query.open(PATHS, cache=folder / "cache")
    with opened:
        yield opened


@pytest.mark.parametrize("case", CASES)
def test_a_screen_looks_as_it_did(
    case: str, folder: Path, store: QueryStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(folder)
    monkeypatch.setenv("STORMLOG_DB", "tracker.db")
    freeze(monkeypatch.setattr)
    assert screen_of(case, folder, store) == (SCREENS / f"{case}.txt").read_text(encoding="utf-8")


def freeze(setattr: Callable[[str, Any], None]) -> None:
    """Let the views take it for a certain time."""
    for module in ("issues_view", "runs_view"):
        setattr(f"stormlog.apps.tui.{module}.time.time_ns", lambda: NOW_NS)


def test_every_screen_belongs_to_a_case() -> None:
    assert {path.stem for path in SCREENS.iterdir()} == set(CASES)


def write() -> None:
    """Write all screens, and the picture of the guide."""
    SCREENS.mkdir(exist_ok=True)
    with pytest.MonkeyPatch.context() as patch, tempfile.TemporaryDirectory() as made:
        folder = prepare(Path(made))
        patch.chdir(folder)
        patch.setenv("STORMLOG_DB", "tracker.db")
        patch.setenv("STORMLOG_USER", "ann")
        freeze(patch.setattr)
        with stormlog.query.open(PATHS, cache=folder / "cache") as store:
            for case in CASES:
                (SCREENS / f"{case}.txt").write_text(screen_of(case, folder, store), encoding="utf-8")
                sys.stdout.write(f"{case}\n")
            screen_of("action-120x32", folder, store, PICTURE)


if __name__ == "__main__":
    write()
