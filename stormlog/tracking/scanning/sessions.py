"""Tells which sessions a scan has to look at, and which of them have settled.

Most evidence is never taken back. Hidden memory is: a spike may turn out to be the start of a drift. So findings
count once their session is over: it has a stop event, its ledger says so, or its files have been quiet for long.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from stormlog.tracking.scanning.evidence import SessionScope
from stormlog.tracking.scanning.inventory import Inventory
from stormlog.tracking.scanning.known_files import SourceFile

__all__ = ["SessionPlan", "plan_sessions"]

_UNFINISHED = ("running", "incomplete")


@dataclass(frozen=True)
class SessionPlan:
    """What to ask of which session.

    Attributes:
        scope: Sessions to look at, in every source that has them.
        growing: Keys of the sessions that may still grow.
        quiet_since_ns: Key of a file -> when the last of its growing sessions grew last.
        line_counts: Key of a file -> valid records in it.
        copies: Source that holds nothing of a session but a copy, the session, and the source that counts instead,
            where the findings of the session count there.
    """

    scope: list[SessionScope]
    growing: set[str]
    quiet_since_ns: dict[str, int]
    line_counts: dict[str, int]
    copies: set[tuple[int, str, int]]


def plan_sessions(
    rows: Iterable[Sequence[Any]],
    copied: Iterable[Sequence[Any]],
    inventory: Inventory,
    dirty: set[str],
    *,
    key_of: Callable[[int, str], str],
    quiet_since: Callable[[SourceFile], int],
    now_ns: int,
    settle_ns: int,
    is_remnant: Callable[[int, SourceFile], bool],
    with_growing: bool = False,
) -> SessionPlan:
    """Plan a scan.

    Args:
        rows: What `session_rows` returns.
        copied: What `copied_rows` returns.
        inventory: The files.
        dirty: Keys of those that changed.
        key_of: Returns the key of a session, given its source and the id that is shown.
        quiet_since: Returns since when a file has not grown.
        now_ns: Now.
        settle_ns: How long a session without an end must have been quiet.
        is_remnant: Tells of a source and a file of it whether the file is as it was when its sessions were over,
            and others of the source are gone. What is left of a session shows other findings than the whole: these
            do not count.
        with_growing: Whether the findings of growing sessions are wanted, too.
    """
    rows = [(key_of(row[1], row[2]), *row) for row in rows]
    copied = [
        (key_of(kept_source_id, session_id), file_id, kept_source_id)
        for file_id, kept_source_id, session_id in copied
    ]
    dirty_sources = {number for number, file in inventory.manifests.items() if file.key in dirty}
    newest: dict[str, int] = {}
    over: set[str] = set()
    wanted: set[str] = set()
    line_counts: dict[str, int] = {}
    quiet = {file_id: quiet_since(inventory.files[file_id]) for file_id in {row[1] for row in rows}}
    for key, file_id, source_id, _, status, has_stop, event_count in rows:
        file = inventory.files[file_id]
        newest[key] = max(newest.get(key, 0), quiet[file_id])
        line_counts[file.key] = line_counts.get(file.key, 0) + event_count
        if has_stop or status not in _UNFINISHED:
            over.add(key)
        if file.key in dirty or source_id in dirty_sources:
            wanted.add(key)
    # What a copy showed when it was not known as one is compared with what the whole shows.
    wanted |= {key for key, file_id, _ in copied if inventory.files[file_id].key in dirty}
    growing = {
        key: time_ns for key, time_ns in newest.items() if key not in over and time_ns + settle_ns > now_ns
    }
    whole = {
        (source_id, key)
        for key, file_id, source_id, *_ in rows
        if not is_remnant(source_id, inventory.files[file_id])
    }
    quiet_since_ns: dict[str, int] = {}
    # Copies too: the telemetry that counts may be gone when the session has settled.
    for key, file_id, *_ in (*rows, *copied):
        if key in growing:
            path = inventory.files[file_id].key
            quiet_since_ns[path] = max(quiet_since_ns.get(path, 0), growing[key])
    scope = {
        SessionScope(
            source_id, session_id, key, (with_growing or key not in growing) and (source_id, key) in whole
        )
        for key, _, source_id, session_id, *_ in rows
        if key in wanted
    }
    counted = {(row[2], row[0]) for row in rows}
    settled = {(session.source_id, session.session_key) for session in scope if session.is_settled}
    copies = {
        (inventory.source_of[file_id], key, kept_source_id)
        for key, file_id, kept_source_id in copied
        if (inventory.source_of[file_id], key) not in counted and (kept_source_id, key) in settled
    }
    return SessionPlan(sorted(scope), set(growing), quiet_since_ns, line_counts, copies)
