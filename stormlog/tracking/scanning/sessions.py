"""Tells which sessions a scan has to look at, and which of them have settled.

Most evidence is never taken back. Hidden memory is: a spike may turn out to be the start of a drift. So findings
count once their session is over: it has a stop event, its ledger says so, or its files have been quiet for long.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from stormlog.tracking.scanning.evidence import SessionScope
from stormlog.tracking.scanning.inventory import Inventory

__all__ = ["SessionPlan", "plan_sessions"]

_UNFINISHED = ("running", "incomplete")


@dataclass(frozen=True)
class SessionPlan:
    """What to ask of which session.

    Attributes:
        scope: Sessions to look at, in every source that has them.
        settles_ns: Path -> when its last session that has not settled will have.
        line_counts: Path -> valid records in it.
    """

    scope: list[SessionScope]
    settles_ns: dict[str, int]
    line_counts: dict[str, int]


def plan_sessions(
    rows: Iterable[Sequence[Any]], inventory: Inventory, dirty: set[str], *, now_ns: int, settle_ns: int
) -> SessionPlan:
    """Plan a scan.

    Args:
        rows: What `session_rows` returns.
        inventory: The files.
        dirty: Paths of those that changed.
        now_ns: Now.
        settle_ns: How long a session without an end must have been quiet.
    """
    rows = list(rows)
    dirty_sources = {number for number, file in inventory.manifests.items() if file.path in dirty}
    newest: dict[str, int] = {}
    over: set[str] = set()
    wanted: set[str] = set()
    line_counts: dict[str, int] = {}
    for file_id, source_id, session_id, status, has_stop, event_count in rows:
        file = inventory.files[file_id]
        newest[session_id] = max(newest.get(session_id, 0), file.state[3] if file.state else 0)
        line_counts[file.path] = line_counts.get(file.path, 0) + event_count
        if has_stop or status not in _UNFINISHED:
            over.add(session_id)
        if file.path in dirty or source_id in dirty_sources:
            wanted.add(session_id)
    quiet_ns = {
        session_id: time_ns + settle_ns for session_id, time_ns in newest.items() if session_id not in over
    }
    settles_ns: dict[str, int] = {}
    scope = set()
    for file_id, source_id, session_id, *_ in rows:
        settles = quiet_ns.get(session_id, 0)
        if settles > now_ns:
            path = inventory.files[file_id].path
            settles_ns[path] = max(settles_ns.get(path, 0), settles)
        if session_id in wanted:
            scope.add(SessionScope(source_id, session_id, settles <= now_ns))
    return SessionPlan(sorted(scope), settles_ns, line_counts)
