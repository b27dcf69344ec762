"""What is kept of a change so that it can be undone."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping
from typing import Any, Final

from stormlog.tracking.database.activity import canonical_json

__all__ = ["keep", "recurrences_of", "restore_recurrences"]

#: Columns that evidence alone decides.
_COUNTED: Final = ("recurred_count", "recurred_last_ns")


def keep(
    connection: sqlite3.Connection,
    activity_id: int,
    *,
    group_id: int | None = None,
    before: Mapping[str, Any] | None = None,
    after: Mapping[str, Any] | None = None,
    hit_count: int | None = None,
    recurrences_json: str = "[]",
    comment_id: str | None = None,
    comment_body: str | None = None,
    comment_updated_ns: int | None = None,
) -> None:
    """Keep what it takes to undo a change.

    Args:
        activity_id: Its entry in the activity log.
        group_id: Entry of the first change of the same call; None if this is the first.
        before: Columns of the issue that changed, as they were.
        after: The same as they are now.
        hit_count: Hits of the issue.
        recurrences_json: What `recurrences_of` returned before the change.
        comment_id: Comment that was written, edited or deleted.
        comment_body: What it said before an edit.
        comment_updated_ns: When that was written.
    """
    columns = {
        name: {column: value for column, value in (fields or {}).items() if column not in _COUNTED}
        for name, fields in (("before", before), ("after", after))
    }
    connection.execute(
        "INSERT INTO undo_records (activity_id, group_id, columns_json, hit_count, recurrences_json, comment_id, "
        "comment_body, comment_updated_ns) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        [
            activity_id,
            activity_id if group_id is None else group_id,
            canonical_json(columns),
            hit_count,
            recurrences_json,
            comment_id,
            comment_body,
            comment_updated_ns,
        ],
    )


def recurrences_of(connection: sqlite3.Connection, issue_id: str) -> str:
    """Return which evidence of an issue is a recurrence, as JSON: ``[[session, evidence], ...]``."""
    [found] = connection.execute(
        """
        SELECT json_group_array(json_array(o.session_id, k.evidence_id))
        FROM issue_occurrences AS o
        INNER JOIN issue_evidence_keys AS k ON k.occurrence_id = o.occurrence_id
        WHERE o.issue_id = ? AND k.is_recurrence = 1
        """,
        [issue_id],
    ).fetchone()
    return str(found)


def restore_recurrences(connection: sqlite3.Connection, issue_id: str, recurrences_json: str) -> None:
    """Let the evidence of an issue that is named be recurrences, and no other."""
    connection.execute(
        """
        UPDATE issue_evidence_keys SET is_recurrence = 0
        WHERE is_recurrence = 1
            AND occurrence_id IN (SELECT occurrence_id FROM issue_occurrences WHERE issue_id = ?)
        """,
        [issue_id],
    )
    connection.executemany(
        """
        UPDATE issue_evidence_keys SET is_recurrence = 1
        WHERE evidence_id = :evidence_id
            AND occurrence_id = (
                SELECT occurrence_id FROM issue_occurrences
                WHERE issue_id = :issue_id AND session_id = :session_id
            )
        """,
        (
            {"issue_id": issue_id, "session_id": session_id, "evidence_id": evidence_id}
            for session_id, evidence_id in json.loads(recurrences_json)
        ),
    )
