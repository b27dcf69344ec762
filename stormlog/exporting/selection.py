"""Which views and which of their rows an export has.

Promise: a time leaves out what is known to have ended before it, and nothing else. Issues are left out or kept as
wholes: the numbers of one that is kept are those of all its hits.

Source: docs/export.md#a-part-of-it.
"""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches

from stormlog.engine import view_names

__all__ = ["ALWAYS", "chosen_views", "ended_before", "views_to_prepare"]

#: Views that every export has: they say what could not be read.
ALWAYS = ("rejects", "catalog_warnings")

#: Bundles name whole seconds: one of a second that is not over yet may be of any time in it.
_LAST_OF_SECOND = "CAST($since_ns AS HUGEINT) - 999999999"
#: Issues of which every hit has a time, an earlier one.
_OLD_ISSUES = f"""fingerprint_id IN (
    SELECT fingerprint_id
    FROM issue_evidence
    GROUP BY fingerprint_id
    HAVING bool_and(coalesce(
        timestamp_ns < CASE WHEN stage = 0 THEN {_LAST_OF_SECOND} ELSE $since_ns END, false
    ))
)"""

#: View -> which of its rows had ended before ``$since_ns``; None for views of things that do not end.
_ENDED: dict[str, str | None] = {
    "attachments": "coalesce(end_ns, start_ns, created_at_ns) < $since_ns",
    "catalog_sources": None,
    "catalog_warnings": None,
    "derived_fields": "timestamp_ns < $since_ns",
    "events": "timestamp_ns < $since_ns",
    "failures": "timestamp_ns < $since_ns",
    "issue_counts": _OLD_ISSUES,
    "issue_evidence": _OLD_ISSUES,
    "issue_trend": _OLD_ISSUES,
    "issue_values": _OLD_ISSUES,
    "issues": _OLD_ISSUES,
    "memory_account": "timestamp_ns < $since_ns",
    "memory_gaps": "timestamp_ns < $since_ns",
    "memory_readings": "timestamp_ns < $since_ns",
    "oom_bundles": f"created_at_ns < {_LAST_OF_SECOND}",
    "phase_spans": "end_ns < $since_ns",
    "projected_records": "timestamp_ns < $since_ns",
    "rejects": None,
    "rollup_ranks": "last_ns < $since_ns",
    "rollup_sessions": "coalesce(ended_at_ns, last_ns) < $since_ns",
    "rollup_windows": "end_ns < $since_ns",
    "rollups": None,
    "run_attachments": "coalesce(end_ns, start_ns) < $since_ns",
    "run_attempts": "last_ns < $since_ns",
    "run_conflicts": None,
    "run_ranks": "last_ns < $since_ns",
    "run_sessions": "coalesce(end_ns, last_event_ns) < $since_ns",
    "runs": "ended_at_ns < $since_ns",
    "sessions": "ended_at_ns < $since_ns",
    "timeline_markers": "coalesce(end_ns, start_ns) < $since_ns",
}


def chosen_views(names: Iterable[str] | None) -> list[str]:
    """Return the public views that an export has, by name.

    Args:
        names: Those that are asked for; None for all.

    Raises:
        ValueError: there is none of a name; the message suggests the nearest one.
    """
    known = sorted(view_names())
    if names is None:
        return known
    if isinstance(names, str):
        names = [names]
    wanted: set[str] = set()
    for name in names:
        if not isinstance(name, str):
            raise ValueError(f"views must be names, not {name!r}")
        wanted.add(name.strip().lower())
    for name in sorted(wanted.difference(known)):
        near = get_close_matches(name, known, n=1)
        hint = f"did you mean {near[0]}?" if near else f"there are {', '.join(known)}"
        raise ValueError(f"there is no view {name!r}; {hint}")
    if not wanted:
        raise ValueError(f"name the views to export; there are {', '.join(known)}")
    return sorted(wanted.union(ALWAYS))


def views_to_prepare(views: Iterable[str]) -> set[str]:
    """Return the views that have to answer for an export of some."""
    # The newest event is looked for among the readings, and how old an issue is in its evidence.
    found = {*views, *ALWAYS, "memory_readings"}
    return found | {"issue_evidence"} if any(_ENDED[view] == _OLD_ISSUES for view in found) else found


def ended_before(view: str) -> str | None:
    """Return the condition of the rows of a view that had ended before ``$since_ns``; None if no row ends."""
    return _ENDED[view]
