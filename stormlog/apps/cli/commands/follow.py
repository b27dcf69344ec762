"""``stormlog query issues --follow``: new and changed issues as they come.

The promise: whoever folds the printed changes, the last one of an issue counting, has at every moment what
the command without ``--follow`` would have answered when the paths were looked at last.
"""

from __future__ import annotations

import io
import select
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING, Any, TypedDict

from stormlog._times import parse_duration
from stormlog.apps.cli.options.targets import issue_target, light_row
from stormlog.apps.cli.printing import diagnostics, output
from stormlog.apps.cli.printing.formats import NO_ROWS, Answer
from stormlog.apps.cli.printing.json_text import json_line
from stormlog.issues.documents import IssueFactsDocument
from stormlog.presenting.issue_rows import issue_rows

if TYPE_CHECKING:
    from stormlog.issues import StormlogIssue
    from stormlog.presenting import Moments
    from stormlog.query import IssueCounts, IssueFilter, QueryStore

__all__ = ["ChangeDocument", "changes_between", "follow", "interval_seconds", "issue_fields", "rounds"]
__all__ += ["wait"]


class ChangeDocument(TypedDict):
    """What happened to an issue since the look before.

    Attributes:
        change: new, changed or gone; at first all issues are new.
        issue: The issue as it is now, or as it was before it was gone.
    """

    change: str
    issue: IssueFactsDocument


#: Fields of an issue that are printed: all but the list of all evidence, which only ever grows.
_FIELDS = (
    "fingerprint_id",
    "fingerprint",
    "kind",
    "state",
    "severity",
    "title",
    "hit_count",
    "first_seen_ns",
    "last_seen_ns",
    "affected_sessions",
    "representative_evidence",
    "details",
)


def interval_seconds(text: str) -> float | None:
    """Return how long ``500ms``, ``2s``, ``1m`` or ``2`` (seconds) is; None if that is not between 1 ms and a day."""
    try:
        seconds = parse_duration(text) / 1e9
    except ValueError:
        return None
    return seconds if 0.001 <= seconds <= 86_400 else None


def issue_fields(issue: StormlogIssue) -> dict[str, Any]:
    """Return an issue as it is printed: ``as_dict()`` without ``evidence``, which would be read for it."""
    fields = dict(light_row(issue, _FIELDS))
    return {**fields, "affected_sessions": list(issue.affected_sessions), "details": dict(issue.details)}


def changes_between(before: Mapping[str, str], after: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """Yield what happened to each issue: ``new``, ``changed`` or ``gone``, and the issue as JSON.

    Args:
        before: Issues as JSON by fingerprint id; those that are gone are yielded as they were.
        after: Likewise, in the order in which they are listed.
    """
    for fingerprint_id, text in before.items():
        if fingerprint_id not in after:
            yield "gone", text
    for fingerprint_id, text in after.items():
        if fingerprint_id not in before:
            yield "new", text
        elif before[fingerprint_id] != text:
            yield "changed", text


def rounds(
    store: QueryStore,
    filters: IssueFilter,
    wait: Callable[[], None],
    guard: Callable[[], AbstractContextManager[None]] = nullcontext,
) -> Iterator[list[StormlogIssue]]:
    """Yield the issues at first, and then whenever something changed below the paths.

    Args:
        store: Looks at its paths again in each round; listing happens only when something changed there.
        filters: Which issues are wanted.
        wait: Called before each further look.
        guard: Makes listing interruptible, see `interrupts`.
    """
    while True:
        with guard():
            issues = store.list_issues(filters)
        yield issues
        wait()
        while not store.refresh(may_be_gone=True):
            wait()


def follow(
    store: QueryStore,
    filters: IssueFilter,
    *,
    interval_s: float,
    as_table: bool,
    quiet: bool,
    no_colour: bool,
    moments: Moments,
    guard: Callable[[], AbstractContextManager[None]],
) -> None:
    """Print changes until Ctrl-C, or until nobody reads them any more.

    Args:
        store: What to follow.
        filters: Which issues are wanted.
        interval_s: Seconds between two looks.
        as_table: Redraw a table; else one JSON object is printed per change.
        quiet: Whether to keep warnings to oneself.
        no_colour: Whether to print without colours.
        moments: How a table shows times.
        guard: Makes listing interruptible, see `interrupts`.

    Raises:
        KeyboardInterrupt: Ctrl-C.
        BrokenPipeError: the reader is gone.
    """
    shown: dict[str, str] = {}
    warned: set[diagnostics.Notice] = set()
    screen = _Screen(interval_s, no_colour, moments)
    for issues in rounds(store, filters, lambda: wait(interval_s), guard):
        notices = [] if quiet else diagnostics.notices(store)
        if as_table:
            with guard():
                counts = store.issue_counts() if issues else {}
            screen.draw(issues, counts, sum(not notice.is_note for notice in notices))
            continue
        now = {issue.fingerprint_id: json_line(issue_fields(issue)) for issue in issues}
        for change, text in changes_between(shown, now):
            output.print_text(f'{{"change": "{change}", "issue": {text}}}\n')
        output.flush()
        shown = now
        diagnostics.print_skipped([notice for notice in notices if notice not in warned])
        warned.update(notices)


def wait(interval_s: float) -> None:
    """Sleep, but not longer than somebody reads what is printed.

    Raises:
        BrokenPipeError: nobody does any more.
    """
    try:
        descriptor = sys.stdout.fileno()
    except (OSError, ValueError):
        time.sleep(interval_s)
        return
    reader = select.poll()
    # Without events to wait for it still tells of errors: a pipe without a reader is one.
    reader.register(descriptor, 0)
    for _, events in reader.poll(interval_s * 1000):
        if events & (select.POLLERR | select.POLLHUP):
            raise BrokenPipeError
        # Not everything can be waited for everywhere.
        time.sleep(interval_s)


class _Screen:
    """A table of issues that is drawn over itself."""

    def __init__(self, interval_s: float, no_colour: bool, moments: Moments) -> None:
        from stormlog.apps.cli.printing.screens import DrawnScreen

        self._interval_s = interval_s
        self._no_colour = no_colour
        self._moments = moments
        self._screen = DrawnScreen()

    def draw(
        self, issues: list[StormlogIssue], counts: Mapping[str, IssueCounts], warning_count: int
    ) -> None:
        """Show issues as far as they fit, and below them when that was."""
        from stormlog.apps.cli.printing.terminal import print_terminal_table

        width, height = self._screen.size()
        text = io.StringIO()
        if issues:
            colour = diagnostics.use_colour(sys.stdout, self._no_colour)
            first = issues[:height]
            rows = list(issue_rows(first, counts))
            answer = Answer(rows, issue_target(first), moments=self._moments.at(time.time_ns()))
            print_terminal_table(answer, text, width=width, colour=colour)
        else:
            text.write(NO_ROWS + "\n")
        lines = text.getvalue().splitlines()
        room = max(height - 2, 1)
        looked = time.strftime("%H:%M:%S", time.gmtime())
        footer = f"{len(issues):,} issues at {looked} UTC, looking every {self._interval_s:g} s"
        if len(lines) > room or len(issues) > height:
            footer += "; not all fit"
        if warning_count:
            footer += f"; {warning_count:,} warnings, which --jsonl shows"
        self._screen.draw([*lines[:room], footer[:width]])
