"""Runs the statement of ``query_events`` for one slice of time after the other.

Promise: the rows, and their order, are those of the whole statement, and no more rows are sorted at a time than a
slice has: DuckDB holds more of what it sorts in memory the more there is of it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from itertools import pairwise
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from stormlog.engine import SnapshotCursor

__all__ = ["fetch_in_slices"]

#: About how many rows a slice has; those of one nanosecond are never parted.
_SLICE_ROWS = 30_000
#: Slices that are told apart at most.
_MOST_SLICES = 2_000

#: More rows than there are match no statement.
_COUNT_ALL = "SELECT coalesce(sum(event_count), 0) FROM stage.loaded_sessions"
_COUNT = "SELECT count(*) FROM ({})"
_TIMES = "SELECT list_distinct(approx_quantile(timestamp_ns, {})) FROM ({})"


def fetch_in_slices(
    cursor: SnapshotCursor, name: str, text: str, params: Mapping[str, Any], times: str | None = None
) -> tuple[list[str], Callable[[int], list[tuple[Any, ...]]]]:
    """Begin to run a statement.

    Args:
        cursor: Where.
        name: What errors call the statement.
        text: The statement of ``query_events``, or another one with its parameters of time and pages.
        params: Its values.
        times: Of another one in the order of time: a statement with the times of its rows.

    Returns:
        The names of the columns, and what returns the next rows, at most as many as it is told; none at the end.

    Raises:
        QueryError: DuckDB fails, or somebody stopped it; also when rows are fetched.
    """
    slices = _slices(cursor, name, text, params, times)
    columns = cursor.execute(name, text, next(slices))
    left = params["limit"]

    def fetch(count: int) -> list[tuple[Any, ...]]:
        nonlocal left
        while True:
            rows = cursor.fetch(name, text, count)
            if left is not None:
                left -= len(rows)
            if rows or left == 0:
                return rows
            following = next(slices, None)
            if following is None:
                return []
            cursor.execute(name, text, {**following, "limit": left})

    return columns, fetch


def _slices(
    cursor: SnapshotCursor, name: str, text: str, params: Mapping[str, Any], times: str | None
) -> Iterator[dict[str, Any]]:
    """Yield the values of the statement for each slice, in the order of its rows; at least once."""

    def number(statement: str, values: Mapping[str, Any] | None = None) -> Any:
        cursor.execute(name, statement, values)
        ((found,),) = cursor.fetch(name, statement, 2)
        return found

    limit = params["limit"]
    count = number(_COUNT_ALL)
    # Rows that are left out before a page are not those of any slice.
    if count <= _SLICE_ROWS or (limit is not None and limit <= _SLICE_ROWS) or params["offset"]:
        yield dict(params)
        return
    # What is counted needs no order.
    matching, _, order = (times, "", "") if times is not None else text.rpartition("ORDER BY")
    values = {key: value for key, value in params.items() if key not in ("limit", "offset")}
    slice_count = min(-(-number(_COUNT.format(matching), values) // _SLICE_ROWS), _MOST_SLICES)
    starts: list[int] = []
    if slice_count > 1:
        shares = [round(part / slice_count, 6) for part in range(1, slice_count)]
        starts = sorted(number(_TIMES.format(shares, matching), values))
    first, last = params["time_start_ns"], params["time_end_ns"]
    # Quantiles are made of rounded times, and may lie beside those that were asked for.
    starts = [s for s in starts if (first is None or s > first) and (last is None or s <= last)]
    bounds = list(pairwise([first, *starts, None]))
    for start, following in reversed(bounds) if order.strip().startswith("timestamp_ns DESC") else bounds:
        end = last if following is None else following - 1
        yield {**params, "time_start_ns": start, "time_end_ns": end}
