"""Drives the application by its keys, as a person would, without a terminal."""

from __future__ import annotations

import asyncio
import shutil
import time
from collections.abc import Awaitable, Callable
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest.mock import patch

from textual._compositor import Compositor
from textual._context import visible_screen_stack
from textual.geometry import Region
from textual.pilot import Pilot
from textual.widgets import Input, Static, TextArea

import stormlog.query
from stormlog.apps.tui.app import StormlogApp
from stormlog.apps.tui.board import Board, PlaceOfTracker
from stormlog.apps.tui.issues_view import IssuesView
from stormlog.apps.tui.lazy_table import LazyTable
from stormlog.apps.tui.runs_view import RunsView
from stormlog.apps.tui.split_view import SplitView
from stormlog.apps.tui.sql_view import SqlView
from stormlog.query import QueryStore
from tests.apps.cli.samples import START_NS, event, write_lines

PERMISSIONS = ("issues:read", "issues:write")
SECOND = 10**9
#: Seconds after which a test gives up to wait.
_PATIENCE_S = 20.0


def alert(name: str, at: int, **overrides: Any) -> dict[str, Any]:
    """Return an alert that is an issue of its own by its name, which holds no digits."""
    return event(
        **{
            "timestamp_ns": START_NS + at * SECOND,
            "event_type": "warning",
            "context": f"Alert {name}",
            "metadata": {"backend": "cuda", "app": "trainer", "alert_category": name},
            **overrides,
        }
    )


def write_capture(folder: Path) -> Path:
    """Write a run with six issues: an OOM of rank 1, whose command is killed, and five alerts."""
    folder.mkdir(parents=True, exist_ok=True)
    names = ("one", "two", "three", "four", "five")
    records = [event(timestamp_ns=START_NS + number * SECOND, job_id="job-7") for number in range(20)]
    records += [alert(f"{name} word", 20 + place, job_id="job-7") for place, name in enumerate(names)]
    records += [alert("one word", 30, job_id="job-7")]
    records += [
        event(
            timestamp_ns=START_NS + 40 * SECOND,
            session_id="s-2",
            rank=1,
            world_size=2,
            job_id="job-7",
            event_type="error",
            context="CUDA out of memory",
            metadata={"backend": "cuda", "app": "trainer", "oom_reason": "cuda"},
        ),
        event(
            timestamp_ns=START_NS + 41 * SECOND,
            session_id="s-2",
            rank=1,
            world_size=2,
            job_id="job-7",
            event_type="exit",
            context="Command killed by SIGKILL, the host ran out of memory",
        ),
    ]
    write_lines(folder / "events.jsonl", *records)
    return folder


@dataclass
class Driver:
    """A running application.

    Attributes:
        app: The application.
        pilot: Presses keys.
    """

    app: StormlogApp
    pilot: Pilot[None]

    async def press(self, *keys: str) -> None:
        """Press keys, each after what the one before began has ended."""
        for key in keys:
            await self.pilot.press(key)
            await self.handled()
            await self.settle()
            # Tables read the rows that are seen when they are drawn; to draw all the rest after each key takes long.
            for table in self.app.screen_stack[-1].query(LazyTable):
                if table.is_on_screen:
                    table.render_lines(Region(0, 0, *table.size))
            await self.settle()

    async def type(self, text: str) -> None:
        """Type a text into the field that has the focus, as if it were pasted: keys one by one take long."""
        field = self.app.focused
        if isinstance(field, TextArea):
            field.insert(text)
        else:
            assert isinstance(field, Input), field
            field.insert_text_at_cursor(text)

    async def settle(self) -> None:
        """Wait until nothing runs in the background."""
        while any(self.app.background._running.values()):
            await self.until(lambda: not any(self.app.background._running.values()))
            # An answer may lead to the next question.
            await self.handled()

    async def handled(self) -> None:
        """Wait until every widget has handled all that was sent to it, and what it sent to others because of that."""
        app, is_quiet = self.app, False
        while not is_quiet and app.is_running:
            # What another thread sends arrives in the next turn.
            await asyncio.sleep(0)
            await self.pilot._wait_for_screen()
            # What Textual does in a moment.
            if app._resize_timer is not None:
                app._check_resize()
            if app.screen_stack:
                app.screen._on_timer_update()
            screens = app.screen_stack
            pumps = [app, *screens, *(widget for screen in screens for widget in screen.walk_children())]
            is_quiet = not any(pump.message_queue_size or pump._next_callbacks for pump in pumps)

    async def resize(self, width: int, height: int) -> None:
        """Give the terminal another size."""
        await self.pilot.resize_terminal(width, height)
        await self.handled()
        await self.settle()

    async def rest(self) -> None:
        """Let the cursor rest until what belongs to its row is shown, without the time that this takes."""
        for view in self.app.query(SplitView):
            if view._timer is not None:
                view._timer.stop()
                view._timer = None
                view._rested()
        await self.settle()

    async def until(self, holds: Callable[[], object]) -> None:
        """Wait until something holds."""
        end = time.monotonic() + _PATIENCE_S
        while not holds():
            assert time.monotonic() < end, self.screen
            await asyncio.sleep(0.01)

    @property
    def issues(self) -> IssuesView:
        """The list of issues."""
        return self.app.screen_stack[0].query_one(IssuesView)

    @property
    def runs(self) -> RunsView:
        """The runs and sessions."""
        return self.app.screen_stack[0].query_one(RunsView)

    @property
    def sql(self) -> SqlView:
        """The statements."""
        return self.app.screen_stack[0].query_one(SqlView)

    @property
    def said(self) -> str:
        """What stands at the bottom; nothing while the line is hidden."""
        line = self.app.screen_stack[0].query_one("#said", Static)
        return str(line.content) if line.display else ""

    @property
    def command(self) -> str:
        """The command that does the same as the last action."""
        return next(line[2:] for line in self.said.splitlines() if line.startswith("$ ")).split("  ")[0]

    @property
    def screen(self) -> str:
        """The screen as text."""
        # What stands behind a window.
        visible_screen_stack.set(self.app._background_screens)
        lines = self.app.screen._compositor.render_strips()
        return "\n".join("".join(segment.text for segment in line).rstrip() for line in lines)

    @property
    def titles(self) -> list[str]:
        """The titles of the listed issues, of all pages that were read."""
        return [row.row.title for page in sorted(self.issues._pages) for row in self.issues._pages[page]]


def drive(
    board: Callable[[], Board],
    scenario: Callable[[Driver], Awaitable[None]],
    *,
    size: tuple[int, int] = (120, 40),
    interval_s: float = 3600.0,
    ascii_only: bool = False,
) -> None:
    """Run a scenario.

    Args:
        board: Opens what is shown.
        scenario: What is done.
        size: Of the terminal.
        interval_s: Seconds between two looks at the files.
    """

    async def run() -> None:
        app = StormlogApp(board(), interval_s=interval_s, ascii_only=ascii_only)
        # Texts are where they were moved to at once.
        app.animation_level = "none"
        try:
            async with app.run_test(size=size) as pilot:
                driver = Driver(app, pilot)
                await driver.handled()
                await driver.settle()
                await scenario(driver)
                # Whatever it led to can be drawn.
                _ = driver.screen if app.is_running else ""
        finally:
            app.board.close()

    with (
        # Textual draws several times after each key, for a terminal that is not there,
        patch.object(Compositor, "render_update", _draw_if_asked),
        # and waits until the processor has had nothing to do for a while: the driver sees for itself what is done.
        patch("textual.app.wait_for_idle", _go_on),
        patch("textual.pilot.wait_for_idle", _go_on),
    ):
        asyncio.run(run())


async def _go_on(*_: float) -> None:
    await asyncio.sleep(0)


_draw = Compositor.render_update


def _draw_if_asked(compositor: Compositor, full: bool = False, **options: Any) -> Any:
    """Draw a picture of the screen, and nothing else."""
    if full:
        return _draw(compositor, full=True, **options)
    compositor._dirty_regions.clear()
    return None


class SharingBoard(Board):
    """A board whose store goes on when it is closed."""

    def close(self) -> None:
        self.is_closed = True
        self.store.interrupt()


@dataclass(frozen=True)
class Place:
    """Files of a test.

    Attributes:
        runs: Telemetry.
        database: A tracker that has scanned it, None for none.
        cache: Where what was read is remembered.
        shared: A store over the telemetry that other tests ask too; None opens one.
    """

    runs: Path
    database: Path | None
    cache: Path
    shared: QueryStore | None = None

    def board(self) -> Board:
        """Open everything."""
        store = self.shared or stormlog.query.open(self.runs, cache=self.cache, tracker=self.database)
        tracker = (
            None if self.database is None else PlaceOfTracker(str(self.database), "default", PERMISSIONS)
        )
        return (Board if self.shared is None else SharingBoard)(store, [str(self.runs)], tracker)

    def copied(self, folder: Path, *, with_runs: bool = False) -> Place:
        """Return the same with a tracker, and if need be telemetry, of its own."""
        database, runs = self.database, self.runs
        if database is not None:
            database = Path(shutil.copy(database, folder / "tracker.db"))
        if with_runs:
            runs = Path(shutil.copytree(runs, folder / "runs"))
        return Place(runs, database, self.cache, None if with_runs else self.shared)


@contextmanager
def locked(database: Path) -> Any:
    """Hold the lock of a tracker, as somebody does who writes for long."""
    import sqlite3

    connection = sqlite3.connect(database, isolation_level=None)
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
    finally:
        connection.rollback()
        connection.close()
