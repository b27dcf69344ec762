"""``stormlog top``: what each rank of a live run does, drawn again and again."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypedDict

import click

from stormlog.apps.cli.options.options import cache_of, name_tracker, reading_options
from stormlog.apps.cli.options.sections import SectionedCommand
from stormlog.apps.cli.options.times import TimeType
from stormlog.errors import StormlogError
from stormlog.presenting import counted
from stormlog.query import LiveFailure, LiveRank, LiveRun, LiveWarning

if TYPE_CHECKING:
    from stormlog.apps.cli.answers import Request
    from stormlog.presenting import Line
    from stormlog.query import LiveLook, QueryStore, RunFollower

__all__ = ["EndingDocument", "TopDocument", "top"]

_FORMATS = ("text", "json")
_QUIT = ("q", "Q")
#: Seconds before the start since which runs must have written something to be shown.
_USUAL_PAST_S = 3600


class EndingDocument(TypedDict):
    """What is said of a run that has ended.

    Attributes:
        run_id: The run.
        attempt: Its attempt.
        text: What ``stormlog why --brief`` says of it.
    """

    run_id: str
    attempt: int
    text: str


class TopDocument(TypedDict):
    """What live runs did at a moment.

    Attributes:
        looked_ns: When that was, nanoseconds since the Unix epoch.
        runs: The runs that are followed: those that go on first, then what needs attention first.
        ranks: Their ranks, run by run; what needs attention first.
        warnings: The latest alerts and troubles of collectors of these runs, the latest first.
        failures: The latest failures of these runs, likewise.
        older_run_count: Runs that are left out because they wrote nothing for long.
        endings: Of the runs that have ended.
    """

    looked_ns: int
    runs: list[LiveRun]
    ranks: list[LiveRank]
    warnings: list[LiveWarning]
    failures: list[LiveFailure]
    older_run_count: int
    endings: list[EndingDocument]


@click.command(cls=SectionedCommand)
@click.option(
    "--interval",
    metavar="TIME",
    default="2s",
    show_default=True,
    help="Time between two looks at the files, such as 500ms or 1m.",
)
@click.option(
    "-n",
    "--iterations",
    type=click.IntRange(min=1),
    metavar="N",
    help="Print N pictures as plain text, one below the other, and end.",
)
@click.option(
    "--once", is_flag=True, help="Short for --iterations 1; what is done where there is no terminal."
)
@click.option(
    "--since",
    "since_ns",
    metavar="TIME",
    type=TimeType(),
    help="Show runs that wrote something since then: 7d (ago), an ISO time (default: an hour before the start, and "
    "the newest run).",
)
@click.option("--format", "format_name", type=click.Choice(_FORMATS), help="How to print (default: text).")
@click.option(
    "--json", "as_json", is_flag=True, help="Short for --format json: one JSON object for each look."
)
@reading_options
def top(
    interval: str,
    iterations: int | None,
    once: bool,
    since_ns: int | None,
    format_name: str | None,
    as_json: bool,
    **options: Any,
) -> None:
    """Follow live runs: memory, phase and health of each rank, what needs attention first.

    A rank that should write and does not is silent, with the time since its last record. When a run has ended it says
    so, with what 'stormlog why --brief' says. q or Ctrl-C ends.

    \b
    Examples:
      stormlog top telemetry/
      stormlog top /scratch/telemetry --interval 10s
      stormlog top telemetry/ --once
      stormlog top telemetry/ --json | jq '.ranks[] | select(.state == "silent")'
    """
    from stormlog.apps.cli.answers import Request, open_store
    from stormlog.apps.cli.commands.follow import interval_seconds
    from stormlog.apps.cli.printing import output

    interval_s = interval_seconds(interval)
    if interval_s is None:
        raise click.BadParameter(
            f"{interval!r} is no time above zero: write 500ms, 2s, 1m or a number of seconds.",
            param_hint="'--interval'",
        )
    if as_json and format_name == "text":
        raise click.UsageError("--json and --format text exclude each other.")
    if once and iterations is not None:
        raise click.UsageError("Choose one of --once and --iterations: they exclude each other.")
    wants_json = as_json or format_name == "json"
    if once or (iterations is None and not wants_json and not output.is_terminal()):
        iterations = 1
    cache = cache_of(options)
    name_tracker(options)
    settings = {name: value for name, value in options.items() if name not in ("no_cache", "cache_dir")}
    request = Request(format_name="json" if wants_json else "table", sql=None, cache=cache, **settings)
    since = time.time_ns() - _USUAL_PAST_S * 1_000_000_000 if since_ns is None else since_ns
    with open_store(request) as store:
        looks = _Looks(store, store.follow_runs(since_ns=since), request)
        if wants_json:
            _print_documents(looks, interval_s, iterations)
        elif iterations is not None:
            _print_pictures(looks, interval_s, iterations)
        else:
            _draw(looks, interval_s)


class _Looks:
    """Looks at the runs of a store, and says what is known of those that have ended."""

    def __init__(self, store: QueryStore, follower: RunFollower, request: Request) -> None:
        self._store = store
        self._follower = follower
        self.request = request
        self._endings: dict[tuple[str, int, int | None], str] = {}

    def look(self, *, has_bar: bool) -> LiveLook:
        """Look again.

        Args:
            has_bar: Whether a bar may show how far reading is.
        """
        self._store.refresh(may_be_gone=True)
        with self._reading(has_bar=has_bar):
            look = self._follower.look()
            # What is said of a run holds until it writes again.
            self._endings = {
                key: self._endings.get(key) or self._ending(run)
                for run in look.runs
                if run.has_ended
                for key in [(run.run_id, run.attempt, run.last_ns)]
            }
        return look

    @property
    def endings(self) -> list[EndingDocument]:
        """What is said of the runs that had ended by the last look."""
        return [
            {"run_id": run_id, "attempt": attempt, "text": text}
            for (run_id, attempt, _), text in self._endings.items()
        ]

    def screen(
        self, look: LiveLook, *, width: int, height: int | None = None, footer: str = ""
    ) -> list[Line]:
        """Return the lines of a screen."""
        from stormlog.apps.cli.printing.output import draws_blocks
        from stormlog.presenting import live_screen

        return live_screen(
            look,
            width=width,
            height=height,
            ascii_only=not draws_blocks(),
            endings={ending["run_id"]: ending["text"] for ending in self.endings},
            footer=footer,
        )

    def print_warnings(self, warned: set[Any]) -> None:
        """Print what was skipped and not told of yet."""
        from stormlog.apps.cli.printing import diagnostics

        if not self.request.quiet:
            notices = diagnostics.notices(self._store)
            diagnostics.print_skipped([notice for notice in notices if notice not in warned])
            warned.update(notices)

    def warning_count(self) -> int:
        """Return how many warnings there are about what was skipped."""
        from stormlog.apps.cli.printing import diagnostics

        notices = [] if self.request.quiet else diagnostics.notices(self._store)
        return sum(not notice.is_note for notice in notices)

    def _ending(self, run: LiveRun) -> str:
        from stormlog.presenting import brief

        try:
            explanation = self._store.explain(run_id=run.run_id, attempt=run.attempt)
        except StormlogError as error:
            return f"Why it ended is not told: {error}"
        return brief(explanation, now_ns=time.time_ns())

    @contextmanager
    def _reading(self, *, has_bar: bool) -> Iterator[None]:
        """Let Ctrl-C stop what is asked inside, and a bar show how far it is."""
        from stormlog.apps.cli.interrupts import interruptible
        from stormlog.apps.cli.printing import diagnostics

        is_shown = has_bar and not self.request.quiet
        with (
            interruptible(self._store.interrupt),
            diagnostics.progress_bar(self._store.progress, enabled=is_shown),
        ):
            yield


def _print_documents(looks: _Looks, interval_s: float, iterations: int | None) -> None:
    """Print a JSON object for each look."""
    from stormlog.apps.cli.commands import follow
    from stormlog.apps.cli.printing import output
    from stormlog.apps.cli.printing.json_text import json_line

    warned: set[Any] = set()
    number = 0
    while True:
        look = looks.look(has_bar=True)
        output.print_text(json_line({**look.as_dict(), "endings": looks.endings}) + "\n")
        output.flush()
        looks.print_warnings(warned)
        number += 1
        if number == iterations:
            return
        follow.wait(interval_s)


def _print_pictures(looks: _Looks, interval_s: float, iterations: int) -> None:
    """Print so many pictures, one below the other."""
    from stormlog.apps.cli.commands import follow
    from stormlog.apps.cli.printing import output
    from stormlog.apps.cli.printing.screens import print_screen, screen_width

    warned: set[Any] = set()
    for number in range(iterations):
        if number:
            follow.wait(interval_s)
            output.print_text("\n")
        look = looks.look(has_bar=True)
        print_screen(looks.screen(look, width=screen_width()), looks.request.no_colour)
        output.flush()
        looks.print_warnings(warned)


def _draw(looks: _Looks, interval_s: float) -> None:
    """Draw one picture over the other until q, Ctrl-C, or the end of the terminal."""
    from stormlog.apps.cli.keyboard import Keyboard
    from stormlog.apps.cli.printing.screens import DrawnScreen, styled_lines

    screen = DrawnScreen()
    with Keyboard() as keyboard:
        look = looks.look(has_bar=True)
        while True:
            width, height = screen.size()
            footer = f"{'q or ' if keyboard.is_there else ''}Ctrl-C ends; looking every {interval_s:g} s"
            warning_count = looks.warning_count()
            if warning_count:
                footer += f"; {counted(warning_count, 'warning')}, which --once prints"
            # The cursor stands below the last line.
            lines = looks.screen(look, width=width, height=max(height - 1, 1), footer=footer)
            screen.draw(list(styled_lines(lines, looks.request.no_colour)))
            key = keyboard.wait(interval_s)
            if key is not None and key.startswith(_QUIT):
                return
            if key is None:
                look = looks.look(has_bar=False)
