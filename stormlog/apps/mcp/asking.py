"""The tools that ask with SQL, and say what can be asked."""

from __future__ import annotations

import queue
import threading
from typing import TYPE_CHECKING, Any, Final

from stormlog._names import distinct_names
from stormlog.apps.mcp import arguments
from stormlog.apps.mcp.answers import chosen, plain, room_beside, rows_that_fit
from stormlog.apps.mcp.problems import ToolError
from stormlog.apps.mcp.shapes import SCHEMAS, VIEW_FIELDS
from stormlog.apps.mcp.tool import Call, Tool
from stormlog.apps.mcp.workplace import skipped_lines
from stormlog.errors import QueryError
from stormlog.query.schema import describe_view, describe_views

if TYPE_CHECKING:
    from stormlog.query import QueryStore

__all__ = ["ASKING"]

_TRACKED_TABLES: Final = (
    "SELECT table_name FROM information_schema.tables WHERE table_schema = 'tracking' ORDER BY table_name"
)
_USUAL_VIEW: Final = ("name", "call", "meaning")


def _query(call: Call, wanted: arguments.Query) -> dict[str, Any]:
    def question(store: QueryStore) -> dict[str, Any]:
        names, types, first = _first_rows(store, wanted, call)
        columns = [
            {"name": plain(name, 200), "type": plain(kind, 200)}
            for name, kind in zip(distinct_names(names), types, strict=True)
        ]
        answer: dict[str, Any] = {
            "untrusted_data": {"columns": columns, "rows": []},
            "row_count": 0,
            "skipped_lines": skipped_lines(store),
        }
        room = room_beside(answer)
        if room < 0:
            raise ToolError(
                f"{len(columns):,} columns are more than an answer holds: name those that are needed"
            )
        rows = rows_that_fit((list(row) for row in first[: wanted.limit]), room)
        is_cut = len(rows) < len(first)
        how = (
            f"the first {len(rows):,} rows are here: let the statement count or sum, choose fewer columns, or add "
            f"ORDER BY ... LIMIT {wanted.limit} OFFSET {len(rows)}; one that the statement has already grows by as much"
        )
        answer["untrusted_data"]["rows"] = rows
        return {
            **answer,
            "row_count": len(rows),
            "truncated": is_cut,
            "how_to_go_on": how if is_cut else None,
        }

    return call.workplace.ask(call.arrival, question)


def _first_rows(
    store: QueryStore, wanted: arguments.Query, call: Call
) -> tuple[list[str], list[str], list[tuple[Any, ...]]]:
    """Return names, types and first rows of a statement, one more than are wanted.

    It runs in a thread of its own, which is left alone if the statement cannot be stopped.

    Raises:
        QueryError: it was refused, failed or took too long.
    """
    outcomes: queue.SimpleQueue[Any] = queue.SimpleQueue()

    def run() -> None:
        try:
            with store.iter_sql(
                wanted.sql,
                wanted.parameters,
                timeout_s=call.workplace.timeout_s,
                give_up=outcomes.put,
                cancelled=call.cancelled,
            ) as stream:
                rows = [row for row, _ in zip(stream, range(wanted.limit + 1), strict=False)]
                outcomes.put((stream.columns, stream.types, rows))
        except BaseException as error:
            outcomes.put(error)

    threading.Thread(target=run, name="stormlog-statement", daemon=True).start()
    outcome = outcomes.get()
    if isinstance(outcome, QueryError) and "it took longer than" in str(outcome):
        raise ToolError(f"{outcome}: ask for less, such as one run, one session or some hours") from outcome
    if isinstance(outcome, BaseException):
        raise outcome
    columns, types, rows = outcome
    return columns, types, rows


def _describe(call: Call, wanted: arguments.Describe) -> dict[str, Any]:
    has_tracker = call.workplace.tracker is not None
    if has_tracker and (wanted.view or "").lower().startswith("tracking."):
        raise ToolError(
            "describe knows views of telemetry; query with DESCRIBE tracking.issues shows the columns of a table of "
            "the tracker"
        )
    usual = _USUAL_VIEW if wanted.view is None else VIEW_FIELDS
    fields = chosen(wanted.fields, VIEW_FIELDS, usual)

    def question(store: QueryStore) -> dict[str, Any]:
        views = describe_views(store) if wanted.view is None else [describe_view(wanted.view, store)]
        wholes = [view.as_dict() for view in views]
        frame: dict[str, Any] = {"views": []}
        rows = rows_that_fit(({name: one[name] for name in fields} for one in wholes), room_beside(frame))
        is_cut = len(rows) < len(wholes)
        how = "name one view, or fewer fields" if is_cut else None
        if wanted.view is None and not is_cut:
            how = "name a view for its columns, units and an example"
            if has_tracker:
                how += f"; query with {_TRACKED_TABLES} lists the tables of the tracker"
        return {"views": rows, "truncated": is_cut, "how_to_go_on": how}

    return call.workplace.ask(call.arrival, question)


ASKING: Final = (
    Tool(
        "query",
        "Ask with SQL",
        "Run one SELECT (DuckDB) over the views, such as events, sessions, runs, issues, issue_evidence; with a "
        "tracker also over schema tracking. It only reads. At most 100 rows and 32 KiB: count, sum and filter in SQL.",
        arguments.Query,
        SCHEMAS["query"],
        _query,
    ),
    Tool(
        "describe",
        "Describe views",
        "List the views that query can read; with view, its columns with types, units and meanings, and an example.",
        arguments.Describe,
        SCHEMAS["describe"],
        _describe,
    ),
)
