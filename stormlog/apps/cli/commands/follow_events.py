"""``stormlog query events --follow``: events as they come, as ``tail -f`` prints lines.

The promise: what was printed is what the command without ``--follow`` would have answered at some time since it was
started, each event once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from functools import partial
from itertools import islice
from typing import TYPE_CHECKING, Any

from stormlog.apps.cli.commands.follow import wait
from stormlog.apps.cli.options.fields import chosen_fields
from stormlog.apps.cli.options.targets import Target
from stormlog.apps.cli.printing import diagnostics, output
from stormlog.apps.cli.printing.formats import Answer, csv_lines, jsonl_lines, table_lines_after

if TYPE_CHECKING:
    from stormlog.presenting import Moments
    from stormlog.query import Arrivals, EventFilter, EventRow, MissingEvents, QueryStore

__all__ = ["follow_events", "looks"]

#: Events that are laid out, and printed, at a time.
_BATCH = 1_000


def looks(
    store: QueryStore,
    filters: EventFilter,
    pause: Callable[[], None],
    guard: Callable[[], AbstractContextManager[None]],
) -> Iterator[Arrivals]:
    """Yield what is there at first, and then what came whenever something changed below the paths.

    Args:
        store: Looks at its paths again in each round.
        filters: Which events are wanted.
        pause: Called before each further look.
        guard: Makes looking interruptible.
    """
    follower = store.follow_events(filters)
    while True:
        with guard():
            arrivals = follower.look()
        yield arrivals
        pause()
        while not store.refresh(may_be_gone=True) and not follower.is_in_doubt:
            pause()


def follow_events(
    store: QueryStore,
    filters: EventFilter,
    *,
    interval_s: float,
    format_name: str,
    target: Target,
    fields: Sequence[str] | None,
    quiet: bool,
    moments: Moments,
    guard: Callable[[], AbstractContextManager[None]],
) -> None:
    """Print events until Ctrl-C, until nobody reads them any more, or until as many as the filter's limit came.

    Args:
        store: What to follow.
        filters: Which events are wanted.
        interval_s: Seconds between two looks.
        format_name: ``table``, ``csv``, or one of JSON, which is one object a line.
        target: How tables and CSV print them.
        fields: The fields that are wanted; None for all.
        quiet: Whether to keep warnings to oneself.
        moments: How a table shows times.
        guard: Makes looking interruptible, see `interrupts`.

    Raises:
        KeyboardInterrupt: Ctrl-C.
        BrokenPipeError: the reader is gone.
    """
    left, wanted = filters.limit, replace(filters, limit=None)
    write = _WRITERS[format_name](target, moments)
    choose = _whole if fields is None else partial(chosen_fields, fields=fields)
    warned: set[diagnostics.Notice] = set()
    for arrivals in looks(store, wanted, lambda: wait(interval_s), guard):
        with arrivals.events as events:
            rows = map(choose, events if left is None else islice(events, left))
            while batch := list(islice(rows, _BATCH)):
                output.print_chunks(write(batch), format_name)
                left = None if left is None else left - len(batch)
        output.flush()
        if not quiet:
            notices = [*diagnostics.notices(store), *map(_notice, arrivals.missing)]
            diagnostics.print_skipped([notice for notice in notices if notice not in warned])
            warned.update(notices)
        if left == 0:
            return


def _whole(row: EventRow) -> Mapping[str, Any]:
    return row.as_dict()


def _notice(missing: MissingEvents) -> diagnostics.Notice:
    count = missing.event_count
    events, are = ("event", "is") if count == 1 else ("events", "are")
    return diagnostics.Notice(
        missing.path,
        f"{count:,} {events} that came from it {are} not there any more: the file was cut, replaced or removed",
    )


_Rows = list[Mapping[str, Any]]


def _json_writer(target: Target, _: Moments) -> Callable[[_Rows], Iterator[str]]:
    return lambda rows: jsonl_lines(Answer(rows, target))


def _csv_writer(target: Target, _: Moments) -> Callable[[_Rows], Iterator[str]]:
    names: list[str] = []

    def write(rows: _Rows) -> Iterator[str]:
        is_first = not names
        if is_first:
            names.extend(target.columns(list(rows[0])))
        return islice(csv_lines(Answer(rows, names=names)), 0 if is_first else 1, None)

    return write


def _table_writer(target: Target, moments: Moments) -> Callable[[_Rows], Iterator[str]]:
    widths: list[int] = []
    return lambda rows: iter(table_lines_after(Answer(rows, target, moments=moments), widths))


_WRITERS = {"json": _json_writer, "jsonl": _json_writer, "csv": _csv_writer, "table": _table_writer}
