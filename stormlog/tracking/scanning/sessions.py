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
        quiet_since_ns: Key of a file -> when the last of its sessions without an end grew last.
        line_counts: Key of a file -> valid records in it.
    """

    scope: list[SessionScope]
    quiet_since_ns: dict[str, int]
    line_counts: dict[str, int]


def plan_sessions(
    rows: Iterable[Sequence[Any]],
    copied: Iterable[Sequence[Any]],
    inventory: Inventory,
    dirty: set[str],
    *,
    now_ns: int,
    settle_ns: int,
) -> SessionPlan:
    """Plan a scan.

    Args:
        rows: What `session_rows` returns.
        copied: What `copied_rows` returns.
        inventory: The files.
        dirty: Keys of those that changed.
        now_ns: Now.
        settle_ns: How long a session without an end must have been quiet.
    """
    rows = list(rows)
    dirty_sources = {number for number, file in inventory.manifests.items() if file.key in dirty}
    newest: dict[str, int] = {}
    over: set[str] = set()
    wanted: set[str] = set()
    line_counts: dict[str, int] = {}
    for file_id, source_id, session_id, status, has_stop, event_count in rows:
        file = inventory.files[file_id]
        newest[session_id] = max(newest.get(session_id, 0), file.state[3] if file.state else 0)
        line_counts[file.key] = line_counts.get(file.key, 0) + event_count
        if has_stop or status not in _UNFINISHED:
            over.add(session_id)
        if file.key in dirty or source_id in dirty_sources:
            wanted.add(session_id)
    unsettled = {
        session_id: time_ns
        for session_id, time_ns in newest.items()
        if session_id not in over and time_ns + settle_ns > now_ns
    }
    quiet_since_ns: dict[str, int] = {}
    scope = set()
    for file_id, source_id, session_id, *_ in rows:
        if session_id in unsettled:
            key = inventory.files[file_id].key
            quiet_since_ns[key] = max(quiet_since_ns.get(key, 0), unsettled[session_id])
        if session_id in wanted:
            scope.add(SessionScope(source_id, session_id, session_id not in unsettled))
    for file_id, session_id in copied:
        # What counts now may be gone when the session has settled: then the copy has to be looked at.
        if session_id in unsettled:
            key = inventory.files[file_id].key
            quiet_since_ns[key] = max(quiet_since_ns.get(key, 0), unsettled[session_id])
    return SessionPlan(sorted(scope), quiet_since_ns, line_counts)
