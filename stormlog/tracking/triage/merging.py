"""Makes one issue of two.

The promise: a merge loses nothing. Its record keeps what is needed to split again, and the old id keeps leading to
the survivor.

Source: docs/tracking.md#merging.
"""

from __future__ import annotations

import sqlite3
from typing import Any

from stormlog.errors import LifecycleError
from stormlog.tracking.actors import Actor
from stormlog.tracking.database import activity, aggregates, undo_records
from stormlog.tracking.database.ids import new_id
from stormlog.tracking.database.sequences import next_sequence
from stormlog.tracking.models import TrackedIssue
from stormlog.tracking.reading.lookup import find_issue, issue_name, tracked_issue
from stormlog.tracking.recording.ignore_rules import apply_rules
from stormlog.tracking.statuses import LIVE
from stormlog.tracking.triage.verbs import require_revision, reset_recurrences

__all__ = ["DETAIL_COLUMNS", "KEY_COLUMNS", "combine", "merge", "rebuild"]

#: Columns of evidence, apart from the occurrence that it belongs to.
KEY_COLUMNS = (
    "evidence_id",
    "fingerprint_id",
    "timestamp_ns",
    "rank",
    "code_version",
    "is_recurrence",
    "recorded_ns",
    "stands_for_equal",
)
DETAIL_COLUMNS = ("evidence_id", "source_kind", "event_type", "source_path", "bundle_path", "metadata_json")


def merge(
    connection: sqlite3.Connection,
    project_id: str,
    actor: Actor,
    target_text: str,
    source_text: str,
    *,
    now_ns: int,
    across_apps: bool = False,
    keep_status: bool = False,
    reopen: bool = False,
    revision: int | None = None,
) -> TrackedIssue:
    """Move everything of the source to the target, and remove the source.

    Args:
        connection: Inside a transaction to write.
        project_id: Project of issues that are named without one.
        target_text: What `find_issue` understands; this issue survives.
        source_text: Likewise.
        across_apps: Whether the two may be of different apps.
        keep_status: Whether the target may stay resolved though the source is not.
        reopen: Whether the target becomes ``new`` in that case.
        revision: What the target has to have.

    Returns:
        The target as it is now.

    Raises:
        LifecycleError: code ``not_found``; ``already_merged``, details name the survivor; ``merge_scope``: another
            project or app, or development with production; ``merge_hides_live_issue``: say ``keep_status`` or
            ``reopen``; ``stale_revision``.
        ValueError: both are the same issue, or there is no source.
    """
    if not source_text.strip():
        raise ValueError("name the issue that is to be merged")
    if keep_status and reopen:
        raise ValueError("keep_status and reopen exclude each other")
    target, _ = find_issue(connection, project_id, target_text)
    source, merged_from = find_issue(connection, project_id, source_text)
    target_id, source_id = target["issue_id"], source["issue_id"]
    if merged_from is not None:
        raise LifecycleError(
            f"issue {issue_name(connection, merged_from)} is merged into {issue_name(connection, source_id)} already",
            code="already_merged",
            details={"issue_id": merged_from, "merged_into": source_id},
        )
    if target_id == source_id:
        raise ValueError(f"issue {issue_name(connection, target_id)} cannot be merged into itself")
    if revision is not None:
        require_revision(connection, target, revision)
    _require_scope(connection, target, source, across_apps=across_apps)
    hides = target["status"] == "resolved" and source["status"] in LIVE
    if hides and not (keep_status or reopen):
        raise LifecycleError(
            f"issue {issue_name(connection, target_id)} is resolved and {issue_name(connection, source_id)} is "
            f"{source['status']}: say whether to keep that status (--keep-status) or to reopen (--reopen)",
            code="merge_hides_live_issue",
            details={"target": target_id, "source": source_id, "source_status": source["status"]},
        )

    recurrences = undo_records.recurrences_of(connection, target_id)
    after = combine(connection, actor, target, source, now_ns=now_ns, reopens=hides and reopen)
    activity_id = activity.log(
        connection,
        actor,
        "merge",
        project_id=target["project_id"],
        issue_id=target_id,
        at_ns=now_ns,
        before={name: target[name] for name in ("status", *(["fix_version"] if hides and reopen else []))},
        after={
            "status": after.get("status", target["status"]),
            "source_issue_id": source_id,
            "source_status": source["status"],
        },
    )
    undo_records.keep(
        connection,
        activity_id,
        before={name: target[name] for name in after},
        after=after,
        hit_count=target["hit_count"],
        recurrences_json=recurrences,
    )
    apply_rules(connection, target["project_id"], actor, [target_id], now_ns=now_ns)
    return tracked_issue(connection, target_id)


def combine(
    connection: sqlite3.Connection,
    actor: Actor,
    target: sqlite3.Row,
    source: sqlite3.Row,
    *,
    now_ns: int,
    reopens: bool = False,
) -> dict[str, Any]:
    """Move everything of one issue to another and remove it, and write down how to take them apart again.

    Args:
        reopens: Whether the target becomes ``new``.

    Returns:
        Columns of the target that are not counted from evidence, as they are now.
    """
    target_id, source_id = target["issue_id"], source["issue_id"]
    _pair_occurrences(connection, target_id, source_id)
    moved = _inventory(connection, source_id)
    _combine_occurrences(connection, target_id, source_id)
    for table in ("issue_fingerprints", "issue_comments"):
        connection.execute(f"UPDATE {table} SET issue_id = ? WHERE issue_id = ?", [target_id, source_id])
    # Whoever was merged into the source is merged into the target: no lookup takes two steps.
    connection.execute(
        "UPDATE issue_merges SET target_issue_id = ? WHERE target_issue_id = ?", [target_id, source_id]
    )
    connection.execute("DELETE FROM issues WHERE issue_id = ?", [source_id])
    connection.execute(
        "INSERT INTO issue_merges (merge_id, source_issue_id, target_issue_id, source_row_json, moved_json, merged_ns, "
        "merged_sequence, actor) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        [
            new_id(),
            source_id,
            target_id,
            activity.canonical_json(dict(source)),
            activity.canonical_json(moved),
            now_ns,
            next_sequence(connection, target["project_id"]),
            f"{actor.type}:{actor.id}",
        ],
    )
    fields: dict[str, Any] = {
        "last_notified_ns": _least(target["last_notified_ns"], source["last_notified_ns"]),
        "last_activity_ns": max(target["last_activity_ns"], source["last_activity_ns"]),
        "notified_sequence": _notified_sequence(target, source),
        "activity_sequence": max(target["activity_sequence"], source["activity_sequence"]),
    }
    if reopens:
        reset_recurrences(connection, [target_id])
        fields |= {"status": "new", "fix_version": None, "resolved_ns": None}
    connection.execute(
        f"UPDATE issues SET {', '.join(f'{name} = :{name}' for name in fields)} WHERE issue_id = :issue_id",
        {**fields, "issue_id": target_id},
    )
    rebuild(connection, "SELECT target_id FROM temp.shared_occurrences", [target_id], now_ns)
    return fields


def _require_scope(
    connection: sqlite3.Connection, target: sqlite3.Row, source: sqlite3.Row, *, across_apps: bool
) -> None:
    if target["project_id"] != source["project_id"]:
        text = "the issues are of different projects"
    elif target["is_dev"] != source["is_dev"]:
        text = "one issue is of development, the other of production"
    elif target["app_id"] != source["app_id"] and not across_apps:
        text = "the issues are of different apps; say so if that is meant (across_apps)"
    else:
        return
    raise LifecycleError(
        f"cannot merge {issue_name(connection, source['issue_id'])} into "
        f"{issue_name(connection, target['issue_id'])}: {text}",
        code="merge_scope",
        details={"target": target["issue_id"], "source": source["issue_id"]},
    )


def _least(one: int | None, other: int | None) -> int | None:
    known = [value for value in (one, other) if value is not None]
    return min(known) if known else None


def _notified_sequence(target: sqlite3.Row, source: sqlite3.Row) -> int:
    """Return which digest told both: the later one, or the earlier one if one of them has not been told."""
    told = [issue["notified_sequence"] for issue in (target, source)]
    has_news = any(issue["activity_sequence"] > issue["notified_sequence"] for issue in (target, source))
    return int(min(told) if has_news else max(told))


def _pair_occurrences(connection: sqlite3.Connection, target_id: str, source_id: str) -> None:
    """Note in ``temp.shared_occurrences`` which occurrences of the two are of one session."""
    connection.execute("DROP TABLE IF EXISTS temp.shared_occurrences")
    connection.execute(
        "CREATE TEMP TABLE shared_occurrences (session_id TEXT, source_id TEXT PRIMARY KEY, target_id TEXT UNIQUE)"
    )
    connection.execute(
        """
        INSERT INTO temp.shared_occurrences
        SELECT s.session_id, s.occurrence_id, t.occurrence_id
        FROM issue_occurrences AS s
        INNER JOIN issue_occurrences AS t ON s.session_id = t.session_id AND t.issue_id = ?
        WHERE s.issue_id = ?
        """,
        [target_id, source_id],
    )


def _inventory(connection: sqlite3.Connection, source_id: str) -> dict[str, Any]:
    """Return what the record of a merge keeps.

    Keys: ``fingerprints`` (id, app, development), ``comments`` and ``merges`` that were the source's, and
    ``duplicates``: evidence that the target has in the same session through fingerprints of its own.
    """

    def ids(statement: str) -> list[str]:
        return [identity for (identity,) in connection.execute(statement, [source_id])]

    fingerprints = connection.execute(
        "SELECT fingerprint_id, app_id, is_dev FROM issue_fingerprints WHERE issue_id = ? ORDER BY 1, 2",
        [source_id],
    )
    duplicates = connection.execute(
        f"""
        SELECT
            h.session_id, {", ".join(f"k.{column}" for column in KEY_COLUMNS)}, e.evidence_id IS NOT NULL AS has_detail,
            {", ".join(f"e.{column} AS detail_{column}" for column in DETAIL_COLUMNS)}
        FROM temp.shared_occurrences AS h
        INNER JOIN issue_evidence_keys AS k ON h.source_id = k.occurrence_id
        INNER JOIN issue_evidence_keys AS t ON h.target_id = t.occurrence_id AND k.evidence_id = t.evidence_id
        LEFT JOIN issue_evidence AS e ON k.occurrence_id = e.occurrence_id AND k.evidence_id = e.evidence_id
        """
    )
    return {
        "fingerprints": [list(row) for row in fingerprints],
        "comments": ids("SELECT comment_id FROM issue_comments WHERE issue_id = ? ORDER BY 1"),
        "merges": ids("SELECT merge_id FROM issue_merges WHERE target_issue_id = ? ORDER BY 1"),
        "duplicates": [dict(row) for row in duplicates],
    }


def _combine_occurrences(connection: sqlite3.Connection, target_id: str, source_id: str) -> None:
    # What is known of a session does not depend on which issue came first.
    connection.execute(
        """
        UPDATE issue_occurrences
        SET (run_id, host, user, environment, recorded_ns) = (
            SELECT
                CASE
                    WHEN s.run_id = s.session_id THEN t.run_id
                    WHEN t.run_id = t.session_id THEN s.run_id
                    ELSE min(t.run_id, s.run_id)
                END,
                min(coalesce(t.host, s.host), coalesce(s.host, t.host)),
                min(coalesce(t.user, s.user), coalesce(s.user, t.user)),
                min(coalesce(t.environment, s.environment), coalesce(s.environment, t.environment)),
                min(t.recorded_ns, s.recorded_ns)
            FROM temp.shared_occurrences AS h
            INNER JOIN issue_occurrences AS s ON h.source_id = s.occurrence_id
            INNER JOIN issue_occurrences AS t ON h.target_id = t.occurrence_id
            WHERE h.target_id = issue_occurrences.occurrence_id
        )
        WHERE occurrence_id IN (SELECT target_id FROM temp.shared_occurrences)
        """
    )
    # What the target has already is left behind, and goes with the occurrence.
    connection.execute(
        """
        UPDATE OR IGNORE issue_evidence_keys
        SET occurrence_id = (
            SELECT h.target_id FROM temp.shared_occurrences AS h
            WHERE h.source_id = issue_evidence_keys.occurrence_id
        )
        WHERE occurrence_id IN (SELECT source_id FROM temp.shared_occurrences)
        """
    )
    connection.execute(
        "DELETE FROM issue_occurrences WHERE occurrence_id IN (SELECT source_id FROM temp.shared_occurrences)"
    )
    connection.execute("UPDATE issue_occurrences SET issue_id = ? WHERE issue_id = ?", [target_id, source_id])


def rebuild(connection: sqlite3.Connection, occurrences: str, issues: list[str], now_ns: int) -> None:
    """Count issues again, and those of their occurrences that a statement selects."""
    found = [occurrence_id for (occurrence_id,) in connection.execute(occurrences)]
    aggregates.touch(connection, occurrences=found, issues=issues)
    aggregates.rebuild_occurrences(connection)
    aggregates.rebuild_issues(connection, now_ns=now_ns)
