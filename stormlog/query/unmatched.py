"""Says what there is where a filter matched nothing: a misspelt word gets no rows, and the words that exist.

The promise: only words that anything may have are looked for here. Words of a fixed list are refused when the filter
is made (`stormlog.query.filters`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from stormlog._values import frozen_class
from stormlog.query.filters import EventFilter, IssueFilter, OOMBundleFilter, SessionFilter

__all__ = ["UnmatchedFilter", "unmatched_filters"]

#: Most values that are named.
_MOST_KNOWN = 8

#: Runs a statement whose rows come from a view.
Run = Callable[[str, dict[str, Any], str], list[tuple[Any, ...]]]

#: Fields of sessions, events and bundles whose words depend on the run of a session.
_PLACES = {
    "run": ("run_sessions stage.session_places", "run_id"),
    "app": ("run_sessions stage.session_places", "app"),
}
_HITS = "issues run_sessions stage.hit_places"

#: Class of filters -> what its rows are called, and for each field with open words: the views, the last of which has
#: the words, and the column or list.
_FIELDS: dict[type, tuple[str, dict[str, tuple[str, str]]]] = {
    IssueFilter: (
        "issue",
        {
            "fingerprint_id": ("issues", "fingerprint_id"),
            "severity": ("issues", "severity"),
            "session_id": ("issues", "unnest(affected_sessions)"),
            "run": (_HITS, "run_id"),
            **{name: (_HITS, name) for name in ("job_id", "rank", "host", "app")},
        },
    ),
    SessionFilter: (
        "session",
        {
            **{name: ("sessions", name) for name in ("session_id", "job_id", "rank", "world_size", "host")},
            **_PLACES,
        },
    ),
    EventFilter: (
        "event",
        {
            # Ledgers know the sessions without a look at the events.
            "session_id": ("sessions", "session_id"),
            **{
                name: ("events", name)
                for name in (
                    *(
                        "event_type",
                        "rank",
                        "collector",
                        "collector_health_status",
                        "backend",
                        "job_id",
                        "host",
                    ),
                    "severity",
                )
            },
            **_PLACES,
        },
    ),
    OOMBundleFilter: (
        "OOM bundle",
        {
            **{
                name: ("oom_bundles", name)
                for name in ("session_id", "backend", "reason", "job_id", "rank", "host")
            },
            **_PLACES,
        },
    ),
}


@frozen_class
class UnmatchedFilter:
    """A value of a filter that no row has.

    Args:
        rows: What the rows are called, such as ``event``.
        field: Name of the filter's field.
        value: What was asked for.
        known: Values that there are, the most frequent first; not all if there are many.
        known_count: How many there are.
    """

    rows: str
    field: str
    value: str
    known: tuple[str, ...]
    known_count: int

    def __str__(self) -> str:
        """Return a sentence for people."""
        asked = f"no {self.rows} has {self.field} {self.value!r}"
        if not self.known:
            return f"{asked}; none has any"
        more = self.known_count - len(self.known)
        return f"{asked}; there {'is' if self.known_count == 1 else 'are'} {', '.join(self.known)}" + (
            f" and {more:,} more" if more else ""
        )


def unmatched_filters(filters: Any, run: Run) -> list[UnmatchedFilter]:
    """Return the values of a filter that no row has, whatever its other fields say.

    Args:
        filters: A filter of issues, sessions, events or OOM bundles.
        run: Runs a statement.
    """
    rows, fields = _FIELDS[type(filters)]
    return list(_unmatched(rows, fields, filters, run))


def _unmatched(
    rows: str, fields: dict[str, tuple[str, str]], filters: Any, run: Run
) -> Iterator[UnmatchedFilter]:
    for name, (views, column) in fields.items():
        value = getattr(filters, name)
        if value is None:
            continue
        for wanted in map(str, value if isinstance(value, tuple) else (value,)):
            # A run may be asked for by its job.
            match = "list_contains(run_names, CAST($value AS VARCHAR))" if name == "run" else "false"
            statement = f"""
                WITH known AS (
                    SELECT value, count(*) AS frequency, bool_or(is_match OR value = $value) AS is_wanted
                    FROM (
                        SELECT CAST({column} AS VARCHAR) AS value, {match} AS is_match
                        FROM {views.split()[-1]}
                    )
                    WHERE value IS NOT NULL
                    GROUP BY value
                )
                SELECT value, is_wanted, count(*) OVER () FROM known
                ORDER BY is_wanted DESC, frequency DESC, value
                LIMIT {_MOST_KNOWN}
            """
            found = run(statement, {"value": wanted}, views)
            if found and found[0][1]:
                continue
            known = tuple(row[0] for row in found)
            yield UnmatchedFilter(rows, name, wanted, known, found[0][2] if found else 0)
