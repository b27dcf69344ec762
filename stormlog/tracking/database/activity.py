"""The activity log: every change with who made it, and what was there before and after."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping
from typing import Any

from stormlog.tracking.actors import Actor

__all__ = ["canonical_json", "log"]


def canonical_json(value: Any) -> str:
    """Return compact JSON with sorted keys."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def log(
    connection: sqlite3.Connection,
    actor: Actor,
    action: str,
    *,
    project_id: str,
    at_ns: int,
    issue_id: str | None = None,
    before: Mapping[str, Any] | None = None,
    after: Mapping[str, Any] | None = None,
    scan_id: str | None = None,
) -> int:
    """Write one entry, in the transaction of the change itself, and return its id.

    Args:
        action: What was done: ``create``, ``claim``, ``resolve``, ``regress``, ``merge``, ...
        issue_id: None where a project changed.
        before: Fields that changed, as they were.
        after: The same as they are now, and what explains the change.
    """
    cursor = connection.execute(
        "INSERT INTO activity (project_id, issue_id, at_ns, actor_type, actor_id, action, before_json, after_json, "
        "scan_id) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
        [
            project_id,
            issue_id,
            at_ns,
            actor.type,
            actor.id,
            action,
            None if before is None else canonical_json(before),
            None if after is None else canonical_json(after),
            scan_id,
        ],
    )
    return int(cursor.lastrowid or 0)
