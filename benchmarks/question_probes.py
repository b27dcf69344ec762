"""Asks questions of one store, one after the other, and prints a line of JSON for each answer.

stormlog 0.3.9 asks the same with its own interpreter and this file as a script, so nothing but the standard library
may be imported at the top. The only argument is a plan: a JSON object with the ``path`` of a sink, ``places`` (what
the questions are about, as `benchmarks.questions.places_in` returns it), and ``questions``, a list of names.
"""

from __future__ import annotations

import hashlib
import json
import sys
import time
from collections.abc import Callable
from typing import Any

#: Modules of Stormlog that these questions need.
_MODULES = (
    "query.adhoc",
    "query.filters",
    "query.run_rows",
    "query.run_statements",
    "engine.cursors.explain",
    "engine.selective",
)


def asker(store: Any, name: str, places: dict[str, Any]) -> Callable[[], list[Any]]:
    """Return a function that asks a question, and returns of each row what every implementation has to say.

    Args:
        store: The store.
        name: ``summary METRIC GROUP``, ``correlate WHAT``, ``events WHAT`` or ``sql STATEMENT``.
        places: What the questions are about.
    """
    from stormlog.query import CorrelationFilter, EventFilter

    kind, _, rest = name.partition(" ")
    if kind == "summary":
        metric, group = rest.split()
        return lambda: [
            (row.session_id, row.rank, row.status, row.value)
            for row in store.summarize(metric, group_by=group)
        ]
    if kind == "correlate":
        around = CorrelationFilter(**places["correlate"][rest])
        return lambda: [
            (found.kind, found.title, found.session_id, found.start_ns, found.confidence)
            for found in store.correlate(around).evidence
        ]
    if kind == "events":
        filters = EventFilter(**places["events"][rest])
        return lambda: [
            (row.event.timestamp_ns, row.event.session_id, row.event.event_type)
            for row in store.query_events(filters)
        ]
    return lambda: list(store.sql(rest).rows)


def main() -> None:
    """Ask what the plan says: the first question finds a store that has read nothing yet."""
    # As a script, this file sees the one beside it by that name.
    from probes import import_all

    import stormlog.query

    plan = json.loads(sys.argv[1])
    import_all(with_engine=True, others=_MODULES)
    is_reference = not hasattr(stormlog.query.QueryStore, "sql")
    options: dict[str, Any] = {} if is_reference else {"cache": False}
    store = None
    for name in plan["questions"]:
        started, worked = time.perf_counter(), time.process_time()
        if store is None:
            store = stormlog.query.open([plan["path"]], **options)
        rows = asker(store, name, plan["places"])()
        seconds, processor_seconds = time.perf_counter() - started, time.process_time() - worked
        texts = sorted(json.dumps(row) for row in rows)
        answer = {
            "question": name,
            "seconds": seconds,
            "processor_seconds": processor_seconds,
            "rows": len(rows),
            "digest": hashlib.sha256("\n".join(texts).encode()).hexdigest(),
        }
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
