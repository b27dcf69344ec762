"""What people and agents say about issues.

The promise: only authors change their words. What was deleted is gone for everybody at once, and from the file
a week later.
"""

from __future__ import annotations

import sqlite3
from typing import Final

from stormlog.errors import LifecycleError
from stormlog.tracking.actors import Actor
from stormlog.tracking.database import activity, undo_records
from stormlog.tracking.database.ids import new_id
from stormlog.tracking.models import Comment
from stormlog.tracking.reading.lookup import SHORTEST_PART, part_condition

__all__ = [
    "KEPT_NS",
    "add_comment",
    "delete_comment",
    "edit_comment",
    "has_old_comments",
    "purge_comments",
]

#: How long a deleted comment stays in the file.
KEPT_NS: Final = 7 * 24 * 3600 * 10**9

_OLD: Final = "deleted_ns < :earliest_ns OR deleted_ns > :latest_ns"
#: Texts of edited comments go with the comment, or as long after the edit as deleted comments do.
_OLD_TEXT: Final = """
    comment_body IS NOT NULL AND (
        comment_id NOT IN (SELECT c.comment_id FROM issue_comments AS c)
        OR EXISTS (
            SELECT 1 FROM activity AS a
            WHERE a.activity_id = undo_records.activity_id AND (a.at_ns < :earliest_ns OR a.at_ns > :latest_ns)
        )
    )
"""

_COLUMNS: Final = tuple(Comment.__dataclass_fields__)


def add_comment(
    connection: sqlite3.Connection, actor: Actor, issue: sqlite3.Row, body: str, *, now_ns: int
) -> Comment:
    """Add a comment to an issue, whatever its status.

    Args:
        issue: Its row.
        body: Markdown; blanks around it are dropped.

    Raises:
        ValueError: it is blank, or the actor is a scan.
    """
    if actor.type == "scan":
        raise ValueError("scans do not comment")
    comment = Comment(
        new_id(), issue["issue_id"], actor.type, actor.id, actor.name, _body(body), now_ns, now_ns
    )
    connection.execute(
        f"INSERT INTO issue_comments ({', '.join(_COLUMNS)}) VALUES ({', '.join('?' * len(_COLUMNS))})",
        [getattr(comment, column) for column in _COLUMNS],
    )
    connection.execute(
        "UPDATE issues SET updated_ns = ?, revision = revision + 1 WHERE issue_id = ?",
        [now_ns, comment.issue_id],
    )
    undo_records.keep(
        connection, _log(connection, actor, "comment", comment, now_ns), comment_id=comment.comment_id
    )
    return comment


def edit_comment(
    connection: sqlite3.Connection, actor: Actor, project_id: str, comment_id: str, body: str, *, now_ns: int
) -> Comment:
    """Replace what a comment says.

    Args:
        comment_id: Its id, or enough of its start or end.

    Raises:
        LifecycleError: code ``not_found``, ``ambiguous_id``, or ``not_author`` for everybody else.
        ValueError: the new text is blank.
    """
    text = _body(body)
    comment = _find(connection, project_id, comment_id)
    if not _is_author(actor, comment):
        raise _not_author(comment, "edit")
    connection.execute(
        "UPDATE issue_comments SET body = ?, updated_ns = ? WHERE comment_id = ?",
        [text, now_ns, comment.comment_id],
    )
    undo_records.keep(
        connection,
        _log(connection, actor, "edit_comment", comment, now_ns),
        comment_id=comment.comment_id,
        comment_body=comment.body,
        comment_updated_ns=comment.updated_ns,
    )
    return _find(connection, project_id, comment.comment_id)


def delete_comment(
    connection: sqlite3.Connection, actor: Actor, project_id: str, comment_id: str, *, now_ns: int
) -> Comment:
    """Delete a comment; agents delete their own only, people own the file and delete any.

    Returns:
        What it said.

    Raises:
        LifecycleError: code ``not_found``, ``ambiguous_id`` or ``not_author``.
    """
    comment = _find(connection, project_id, comment_id)
    if actor.type != "user" and not _is_author(actor, comment):
        raise _not_author(comment, "delete")
    connection.execute(
        "UPDATE issue_comments SET deleted_ns = ? WHERE comment_id = ?", [now_ns, comment.comment_id]
    )
    undo_records.keep(
        connection, _log(connection, actor, "delete_comment", comment, now_ns), comment_id=comment.comment_id
    )
    return comment


def purge_comments(connection: sqlite3.Connection, now_ns: int) -> int:
    """Remove comments of all projects that were deleted more than 7 days ago, and return how many.

    So are those that a clock which was ahead would keep for longer, and what edited comments said before.
    """
    purged = connection.execute(f"DELETE FROM issue_comments WHERE {_OLD}", _old(now_ns)).rowcount
    connection.execute(f"UPDATE undo_records SET comment_body = NULL WHERE {_OLD_TEXT}", _old(now_ns))
    return purged


def has_old_comments(connection: sqlite3.Connection, now_ns: int) -> bool:
    """Tell whether `purge_comments` would remove any."""
    return bool(
        connection.execute(
            f"SELECT EXISTS (SELECT 1 FROM issue_comments WHERE {_OLD}) "
            f"OR EXISTS (SELECT 1 FROM undo_records WHERE {_OLD_TEXT})",
            _old(now_ns),
        ).fetchone()[0]
    )


def _old(now_ns: int) -> dict[str, int]:
    return {"earliest_ns": now_ns - KEPT_NS, "latest_ns": now_ns + KEPT_NS}


def _body(text: str) -> str:
    body = text.strip()
    if not body:
        raise ValueError("a comment needs some text")
    return body


def _is_author(actor: Actor, comment: Comment) -> bool:
    return (actor.type, actor.id) == (comment.author_type, comment.author_id)


def _not_author(comment: Comment, verb: str) -> LifecycleError:
    return LifecycleError(
        f"only its author, {comment.author_type} {comment.author_name}, may {verb} comment {comment.comment_id}",
        code="not_author",
        details={
            "comment_id": comment.comment_id,
            "author_type": comment.author_type,
            "author_id": comment.author_id,
        },
    )


def _find(connection: sqlite3.Connection, project_id: str, text: str) -> Comment:
    word = text.strip().lower()
    fits = part_condition("c.comment_id") if len(word) >= SHORTEST_PART else "c.comment_id = :text"
    rows = connection.execute(
        f"""
        SELECT {", ".join(f"c.{column}" for column in _COLUMNS)}
        FROM issue_comments AS c
        INNER JOIN issues AS i ON c.issue_id = i.issue_id
        WHERE i.project_id = :project_id AND c.deleted_ns IS NULL AND {fits}
        LIMIT 2
        """,
        {"project_id": project_id, "text": word},
    ).fetchall()
    if not rows:
        raise LifecycleError(
            f"no comment {text!r} in this project", code="not_found", details={"comment_id": text}
        )
    if len(rows) > 1:
        raise LifecycleError(
            f"{text!r} could be several comments: give more of the id",
            code="ambiguous_id",
            details={"comment_id": text},
        )
    return Comment(*rows[0])


def _log(connection: sqlite3.Connection, actor: Actor, action: str, comment: Comment, now_ns: int) -> int:
    # Not the text: it has to be gone when the comment is.
    (project_id,) = connection.execute(
        "SELECT project_id FROM issues WHERE issue_id = ?", [comment.issue_id]
    ).fetchone()
    return activity.log(
        connection,
        actor,
        action,
        project_id=project_id,
        issue_id=comment.issue_id,
        at_ns=now_ns,
        after={"comment_id": comment.comment_id},
    )
