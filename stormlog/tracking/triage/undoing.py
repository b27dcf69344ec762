"""Reverses what somebody did to issues, by what was there before.

The promise: an undo brings back what was there before or does nothing: where something that it would change has been
changed since, it is refused, and the refusal names that change. What scans found is never taken back.

Source: docs/tracking.md#undo.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Collection, Sequence
from typing import Any, Final

from stormlog.errors import LifecycleError
from stormlog.tracking.actors import Actor
from stormlog.tracking.database import activity, aggregates, undo_records
from stormlog.tracking.models import Undone
from stormlog.tracking.reading.lookup import issue_name, tracked_issue
from stormlog.tracking.recording.ignore_rules import apply_rules
from stormlog.tracking.triage.comments import KEPT_NS
from stormlog.tracking.triage.merging import combine
from stormlog.tracking.triage.unmerging import split
from stormlog.tracking.triage.verbs import readable

__all__ = ["undo"]

#: Columns that a merge gives its target from what was told of both issues; digests and scans go on changing them.
_TOLD: Final = ("last_notified_ns", "last_activity_ns", "notified_sequence", "activity_sequence")

_COMMENTS: Final = ("comment", "edit_comment", "delete_comment")

#: Why an entry of the history without a record is not undone, by its action.
_REASONS: Final = {
    "undo": "an undo is not undone: do again what it took back",
    "import": "an import is not undone: import a file from before it, or restore a backup ('stormlog db restore')",
    "queue_digest": "messages that were queued or sent are not taken back",
    "notify": "messages that were queued or sent are not taken back",
    "set_project": "settings are not undone: 'stormlog projects set' changes them back",
    "ignore_rule": "a rule is not undone: 'stormlog issues ignores --remove' removes it",
    "remove_ignore_rule": "a rule is not undone: 'stormlog issues ignore' makes it again",
}


def undo(
    connection: sqlite3.Connection,
    project_id: str,
    actor: Actor,
    activity_id: int | None = None,
    *,
    now_ns: int,
) -> Undone:
    """Reverse a change of a status, a fix version, an assignee or a comment, or a merge.

    Args:
        connection: Inside a transaction to write.
        project_id: Project of the change.
        actor: Who undoes it. Agents undo only what they did themselves.
        activity_id: Entry of the history; None for the latest change of the actor that was not undone yet.

    Returns:
        What was reversed; a change of many issues in one call is reversed for all of them.

    Raises:
        LifecycleError: code ``not_found``; ``not_undoable``, or ``changed_since``, and the message says why;
            ``not_author``: somebody else did it.
    """
    entries = _entries(connection, project_id, actor, activity_id)
    reversing = _Reversing(connection, actor, now_ns)
    action = entries[0]["action"]
    if action in _COMMENTS:
        issue_ids = [reversing.comment(entry) for entry in entries]
    elif action == "merge":
        issue_ids = reversing.merge(entries[0])
    elif action == "unmerge":
        issue_ids = reversing.unmerge(entries)
    else:
        issue_ids = [reversing.columns(entry) for entry in entries]
    apply_rules(connection, entries[0]["project_id"], actor, issue_ids, now_ns=now_ns)
    issues = tuple(tracked_issue(connection, issue_id) for issue_id in dict.fromkeys(issue_ids))
    return Undone(action, tuple(entry["activity_id"] for entry in entries), issues)


def _entries(
    connection: sqlite3.Connection, project_id: str, actor: Actor, activity_id: int | None
) -> list[sqlite3.Row]:
    """Return the entries of one call with what was kept to undo them, the first one first."""
    if activity_id is None:
        found = connection.execute(
            """
            SELECT u.group_id
            FROM undo_records AS u
            INNER JOIN activity AS a ON a.activity_id = u.activity_id
            WHERE a.project_id = ? AND a.actor_type = ? AND a.actor_id = ? AND u.undone_by IS NULL
            ORDER BY u.activity_id DESC
            LIMIT 1
            """,
            [project_id, actor.type, actor.id],
        ).fetchone()
        if found is None:
            raise LifecycleError(
                f"{actor.type} {actor.id} did nothing in this project that can be undone",
                code="not_found",
                details={"actor_type": actor.type, "actor_id": actor.id},
            )
    else:
        found = _named(connection, project_id, actor, activity_id)
    return connection.execute(
        """
        SELECT a.*, u.columns_json, u.hit_count, u.recurrences_json, u.comment_id, u.comment_body, u.comment_updated_ns
        FROM undo_records AS u
        INNER JOIN activity AS a ON a.activity_id = u.activity_id
        WHERE u.group_id = ?
        ORDER BY a.activity_id
        """,
        [found["group_id"]],
    ).fetchall()


def _named(connection: sqlite3.Connection, project_id: str, actor: Actor, activity_id: int) -> sqlite3.Row:
    entry: sqlite3.Row | None = connection.execute(
        """
        SELECT a.*, u.group_id, u.undone_by
        FROM activity AS a
        LEFT JOIN undo_records AS u ON u.activity_id = a.activity_id
        WHERE a.activity_id = :id AND a.project_id = :project_id
        """,
        {"id": max(min(activity_id, 2**63 - 1), -1), "project_id": project_id},
    ).fetchone()
    if entry is None:
        raise LifecycleError(
            f"no entry {activity_id} in the history of this project; 'stormlog issues history ID' shows entries",
            code="not_found",
            details={"activity_id": activity_id},
        )
    if entry["group_id"] is None:
        raise _not_undoable(entry, _reason(entry))
    if entry["undone_by"] is not None:
        raise _not_undoable(entry, f"entry {activity_id} was undone by entry {entry['undone_by']}")
    is_own = (actor.type, actor.id) == (entry["actor_type"], entry["actor_id"])
    # People own the file, but the words of a comment are those of its author.
    if not is_own and (actor.type != "user" or entry["action"] == "edit_comment"):
        raise LifecycleError(
            f"entry {activity_id} is of {entry['actor_type']} {entry['actor_id']}, who may undo it",
            code="not_author",
            details={"activity_id": activity_id, "actor_id": entry["actor_id"]},
        )
    return entry


def _reason(entry: sqlite3.Row) -> str:
    if entry["actor_type"] == "scan":
        return f"what a scan found is not undone (entry {entry['activity_id']}: {entry['action']})"
    return _REASONS.get(
        entry["action"],
        f"entry {entry['activity_id']} ({entry['action']}) is no change that can be undone, or is from before changes "
        "could be",
    )


def _not_undoable(entry: sqlite3.Row, reason: str) -> LifecycleError:
    details = {"activity_id": entry["activity_id"], "action": entry["action"]}
    return LifecycleError(reason, code="not_undoable", details=details)


class _Reversing:
    """One undo, inside its transaction."""

    def __init__(self, connection: sqlite3.Connection, actor: Actor, now_ns: int) -> None:
        self._connection = connection
        self._actor = actor
        self._now_ns = now_ns

    def columns(self, entry: sqlite3.Row) -> str:
        """Bring back the columns of an issue that a verb changed."""
        before, after = self._columns(entry)
        issue = self._issue(entry, entry["issue_id"])
        self._require_unchanged(entry, [entry["issue_id"]], set(readable(after)))
        differing = [name for name, value in after.items() if issue[name] != value]
        if differing:
            raise self._changed_since(
                entry, f"its {', '.join(readable(dict.fromkeys(differing)))} changed since"
            )
        if before.get("status") == "resolved" and issue["hit_count"] != entry["hit_count"]:
            # What a scan records is compared with the fix version only while the issue is resolved.
            raise self._changed_since(entry, "a scan recorded evidence of it since: resolve it again instead")
        self._require_rule(entry, before.get("ignore_until_json"))
        self._set(entry["issue_id"], before)
        if "status" in before:
            undo_records.restore_recurrences(self._connection, entry["issue_id"], entry["recurrences_json"])
        self._count(entry["issue_id"])
        self._log(entry, entry["issue_id"], readable(after), readable(before))
        return str(entry["issue_id"])

    def merge(self, entry: sqlite3.Row) -> list[str]:
        """Take two issues apart that were merged."""
        before, after = self._columns(entry)
        source_id = json.loads(entry["after_json"])["source_issue_id"]
        target = self._issue(entry, entry["issue_id"])
        live = self._connection.execute(
            "SELECT 1 FROM issue_merges WHERE source_issue_id = ? AND target_issue_id = ? AND undone_ns IS NULL",
            [source_id, entry["issue_id"]],
        ).fetchone()
        if live is None:
            raise self._changed_since(
                entry, f"{issue_name(self._connection, source_id)} was brought back since"
            )
        self._require_unchanged(entry, [entry["issue_id"], source_id], None)
        split(self._connection, target, source_id, now_ns=self._now_ns)
        restored = {
            name: value for name, value in before.items() if name not in _TOLD or target[name] == after[name]
        }
        self._set(entry["issue_id"], restored)
        if "status" in before:
            undo_records.restore_recurrences(self._connection, entry["issue_id"], entry["recurrences_json"])
        self._count(entry["issue_id"])
        self._log(entry, entry["issue_id"], {}, {"source_issue_id": source_id})
        return [entry["issue_id"], source_id]

    def unmerge(self, entries: Sequence[sqlite3.Row]) -> list[str]:
        """Merge an issue again that was brought back."""
        of_target, of_source = entries
        source = self._issue(of_source, of_source["issue_id"])
        target = self._issue(of_target, of_target["issue_id"])
        self._require_unchanged(of_source, [source["issue_id"], target["issue_id"]], None)
        combine(self._connection, self._actor, target, source, now_ns=self._now_ns)
        for entry in entries:
            self._log(entry, target["issue_id"], {}, {"source_issue_id": source["issue_id"]})
        return [target["issue_id"]]

    def comment(self, entry: sqlite3.Row) -> str:
        """Take back a comment, bring back one that was deleted, or bring back what one said."""
        row = self._connection.execute(
            "SELECT * FROM issue_comments WHERE comment_id = ?", [entry["comment_id"]]
        ).fetchone()
        is_deletion = entry["action"] == "delete_comment"
        if row is None or (entry["action"] == "edit_comment" and entry["comment_body"] is None):
            days = KEPT_NS // (24 * 3600 * 10**9)
            raise _not_undoable(entry, f"what the comment said is kept for {days} days, and is gone")
        if is_deletion != (row["deleted_ns"] is not None) or (
            is_deletion and row["deleted_ns"] != entry["at_ns"]
        ):
            raise self._changed_since(
                entry, f"the comment was {'brought back' if is_deletion else 'deleted'} since"
            )
        if not is_deletion and row["updated_ns"] != entry["at_ns"]:
            raise self._changed_since(entry, "the comment was edited since")
        changed: dict[str, Any] = {"deleted_ns": None} if is_deletion else {"deleted_ns": self._now_ns}
        if entry["action"] == "edit_comment":
            changed = {"body": entry["comment_body"], "updated_ns": entry["comment_updated_ns"]}
        assignments = ", ".join(f"{name} = :{name}" for name in changed)
        self._connection.execute(
            f"UPDATE issue_comments SET {assignments} WHERE comment_id = :comment_id",
            {**changed, "comment_id": entry["comment_id"]},
        )
        self._set(row["issue_id"], {})
        self._log(entry, row["issue_id"], {}, {"comment_id": entry["comment_id"]})
        return str(row["issue_id"])

    def _columns(self, entry: sqlite3.Row) -> tuple[dict[str, Any], dict[str, Any]]:
        columns = json.loads(entry["columns_json"])
        return columns["before"], columns["after"]

    def _issue(self, entry: sqlite3.Row, issue_id: str) -> sqlite3.Row:
        row: sqlite3.Row | None = self._connection.execute(
            "SELECT * FROM issues WHERE issue_id = ?", [issue_id]
        ).fetchone()
        if row is not None:
            return row
        merged = self._connection.execute(
            "SELECT target_issue_id FROM issue_merges WHERE source_issue_id = ? AND undone_ns IS NULL",
            [issue_id],
        ).fetchone()
        what = "was removed"
        if merged is not None:
            what = f"was merged into {issue_name(self._connection, merged['target_issue_id'])} since: undo that first"
        raise self._changed_since(entry, f"{issue_name(self._connection, issue_id)} {what}")

    def _require_unchanged(
        self, entry: sqlite3.Row, issue_ids: Sequence[str], names: Collection[str] | None
    ) -> None:
        """Refuse if one of some fields was changed after an entry and that was not undone; None for any of them."""
        rows = self._connection.execute(
            """
            SELECT a.*
            FROM activity AS a
            LEFT JOIN undo_records AS u ON u.activity_id = a.activity_id
            WHERE a.issue_id IN (SELECT value FROM json_each(:issue_ids)) AND a.activity_id > :activity_id
                AND u.undone_by IS NULL
                AND a.action NOT IN ('undo', 'create', 'comment', 'edit_comment', 'delete_comment')
                AND u.group_id IS NOT (SELECT group_id FROM undo_records WHERE activity_id = :activity_id)
            ORDER BY a.activity_id
            """,
            {"issue_ids": json.dumps(list(issue_ids)), "activity_id": entry["activity_id"]},
        )
        for row in rows:
            changed = {*json.loads(row["before_json"] or "{}"), *json.loads(row["after_json"] or "{}")}
            if names is None or not changed.isdisjoint(names):
                who = "a scan" if row["actor_type"] == "scan" else f"{row['actor_type']} {row['actor_id']}"
                raise self._changed_since(
                    entry,
                    f"issue {issue_name(self._connection, row['issue_id'])} was changed since: "
                    f"{row['action']} by {who} (entry {row['activity_id']})",
                )

    def _require_rule(self, entry: sqlite3.Row, ignore_until_json: str | None) -> None:
        """Refuse to let an issue be ignored again by a rule that is gone."""
        rule_id = None if ignore_until_json is None else json.loads(ignore_until_json).get("rule")
        known = "SELECT 1 FROM ignore_rules WHERE rule_id = ?"
        if rule_id is not None and self._connection.execute(known, [rule_id]).fetchone() is None:
            raise self._changed_since(entry, f"rule {rule_id}, which ignored the issue, was removed since")

    def _changed_since(self, entry: sqlite3.Row, what: str) -> LifecycleError:
        return LifecycleError(
            f"{entry['action']} (entry {entry['activity_id']}) is not undone: {what}",
            code="changed_since",
            details={"activity_id": entry["activity_id"], "issue_id": entry["issue_id"]},
        )

    def _set(self, issue_id: str, columns: dict[str, Any]) -> None:
        assignments = "".join(f"{name} = :{name}, " for name in columns)
        self._connection.execute(
            f"UPDATE issues SET {assignments} updated_ns = :now_ns, revision = revision + 1 WHERE issue_id = :issue_id",
            {**columns, "now_ns": self._now_ns, "issue_id": issue_id},
        )

    def _count(self, issue_id: str) -> None:
        aggregates.touch(self._connection, issues=[issue_id])
        aggregates.rebuild_issues(self._connection, now_ns=self._now_ns)

    def _log(self, entry: sqlite3.Row, issue_id: str, before: dict[str, Any], after: dict[str, Any]) -> None:
        undone_by = activity.log(
            self._connection,
            self._actor,
            "undo",
            project_id=entry["project_id"],
            issue_id=issue_id,
            at_ns=self._now_ns,
            before=before,
            after={**after, "activity_id": entry["activity_id"], "action": entry["action"]},
        )
        self._connection.execute(
            "UPDATE undo_records SET undone_by = ? WHERE activity_id = ?", [undone_by, entry["activity_id"]]
        )
