"""What a tracker says of each fingerprint, as ``issues.json`` holds it.

The promise: the same states give the same bytes, and a file is replaced as a whole or not at all.

Source: docs/ci.md#the-sidecar.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
import uuid
from dataclasses import replace
from typing import Final

from stormlog.engine import SELECT_STATES, state_of_row
from stormlog.errors import SourceError
from stormlog.issues import IgnoreRule
from stormlog.issues.sidecar import Sidecar, TrackedState, sidecar_bytes
from stormlog.tracking.projects import DEFAULT_PROJECT, project_row
from stormlog.tracking.recording.ignore_rules import list_rules
from stormlog.tracking.session import TrackerSession

__all__ = ["export_states"]

#: Fields that evidence alone decides.
_COUNTED: Final = frozenset(
    {
        "first_seen_ns",
        "first_seen_version",
        "hit_count",
        "last_seen_ns",
        "last_seen_version",
        "occurrence_count",
        "recurred_count",
        "run_count",
        "unique_user_count",
    }
)


def export_states(
    tracker: TrackerSession, path: str | os.PathLike[str] | None = None, *, counts: bool = True
) -> Sidecar:
    """Say what became of each fingerprint of the tracker's project.

    Args:
        path: Where to write it; the file is replaced as a whole. None writes nothing.
        counts: Whether to add what is counted from evidence. Without it, the file changes only when people, or
            regressions, change something, which keeps commits of it small.

    Raises:
        LifecycleError: there is no such project.
        SourceError: the file cannot be written.
    """
    with tracker.reading() as connection:
        if tracker.project != DEFAULT_PROJECT:
            project_row(connection, tracker.project)
        states = [state_of_row(row) for row in connection.execute(SELECT_STATES, [tracker.project])]
        former = _former_numbers(connection, tracker.project)
        rules = _rules(connection, tracker.project)
    states = [_with_former_numbers(state, former.get(state.issue_id or "")) for state in states]
    if not counts:
        states = [_without_counts(state) for state in states]
    name = None if path is None else os.fspath(path)
    if name is not None:
        _write(name, sidecar_bytes(states, rules))
    return Sidecar(name, tuple(states), rules)


def _rules(connection: sqlite3.Connection, project: str) -> tuple[IgnoreRule, ...]:
    row = connection.execute("SELECT project_id FROM projects WHERE name = ?", [project.strip()]).fetchone()
    return () if row is None else tuple(found.rule for found in list_rules(connection, row["project_id"]))


def _without_counts(state: TrackedState) -> TrackedState:
    given = state.given - _COUNTED
    return TrackedState(given=given, **{name: getattr(state, name) for name in given})


def _former_numbers(connection: sqlite3.Connection, project: str) -> dict[str, tuple[int, ...]]:
    """Return id of an issue -> numbers of issues that were merged into it, here or before an import."""
    rows = connection.execute(
        """
        SELECT coalesce(m.target_issue_id, n.issue_id) AS issue_id, n.number
        FROM issue_numbers AS n
        INNER JOIN projects AS p ON n.project_id = p.project_id
        LEFT JOIN issue_merges AS m ON m.source_issue_id = n.issue_id AND m.undone_ns IS NULL
        WHERE p.name = ? AND (n.is_former = 1 OR m.target_issue_id IS NOT NULL)
        ORDER BY n.number
        """,
        [project],
    )
    found: dict[str, tuple[int, ...]] = {}
    for issue_id, number in rows:
        found[issue_id] = (*found.get(issue_id, ()), number)
    return found


def _with_former_numbers(state: TrackedState, numbers: tuple[int, ...] | None) -> TrackedState:
    return (
        state
        if numbers is None
        else replace(state, former_numbers=numbers, given=state.given | {"former_numbers"})
    )


def _write(path: str, data: bytes) -> None:
    """Put a file in place of another one, whole or not at all."""
    # A link stays one.
    target = os.path.realpath(path)
    partial = os.path.join(os.path.dirname(target), f".{os.path.basename(target)}.{uuid.uuid4().hex}")
    try:
        try:
            with open(partial, "xb") as stream:
                stream.write(data)
                stream.flush()
                os.fsync(stream.fileno())
            with contextlib.suppress(FileNotFoundError):
                os.chmod(partial, os.stat(target).st_mode & 0o7777)
            os.replace(partial, target)
        except BaseException:
            with contextlib.suppress(OSError):
                os.unlink(partial)
            raise
        folder = os.open(os.path.dirname(target), os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
    except OSError as error:
        raise SourceError(f"cannot be written: {error.strerror or error}", path=path) from error
