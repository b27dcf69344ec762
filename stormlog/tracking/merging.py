"""Makes one issue of two, and two of one again.

The promise: a merge loses nothing. Its record keeps what is needed to split again, the old id keeps leading to the
survivor, and counts are worked out from the evidence both ways.

Source: docs/tracking.md#merging.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Sequence
from typing import Any

from stormlog.errors import LifecycleError
from stormlog.tracking import activity, aggregates
from stormlog.tracking.actors import Actor
from stormlog.tracking.ids import new_id
from stormlog.tracking.lookup import find_issue, tracked_issue
from stormlog.tracking.models import TrackedIssue
from stormlog.tracking.statuses import LIVE
from stormlog.tracking.triage import require_revision, reset_recurrences

__all__ = ["merge", "unmerge"]

_KEY = (
    "evidence_id",
    "fingerprint_id",
    "timestamp_ns",
    "rank",
    "code_version",
    "is_recurrence",
    "recorded_ns",
)
_DETAIL = ("evidence_id", "source_kind", "event_type", "source_path", "bundle_path", "metadata_json")


def merge(
    connection: sqlite3.Connection,
    project: sqlite3.Row,
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
            app, or development with production; ``merge_hides_live_issue``: say ``keep_status`` or ``reopen``;
            ``stale_revision``.
        ValueError: both are the same issue, or there is no source.
    """
    if not source_text.strip():
        raise ValueError("name the issue that is to be merged")
    if keep_status and reopen:
        raise ValueError("keep_status and reopen exclude each other")
    target, _ = find_issue(connection, project["project_id"], target_text)
    source, merged_from = find_issue(connection, project["project_id"], source_text)
    target_id, source_id = target["issue_id"], source["issue_id"]
    if merged_from is not None:
        raise LifecycleError(
            f"issue {merged_from} is merged into {source_id} already",
            code="already_merged",
            details={"issue_id": merged_from, "merged_into": source_id},
        )
    if target_id == source_id:
        raise ValueError(f"issue {target_id} cannot be merged into itself")
    if revision is not None:
        require_revision(target, revision)
    _require_scope(target, source, across_apps=across_apps)
    hides = target["status"] == "resolved" and source["status"] in LIVE
    if hides and not (keep_status or reopen):
        raise LifecycleError(
            f"issue {target_id} is resolved and {source_id} is {source['status']}: say whether to keep that status "
            "or to reopen",
            code="merge_hides_live_issue",
            details={"target": target_id, "source": source_id, "source_status": source["status"]},
        )

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
        "actor) VALUES (?, ?, ?, ?, ?, ?, ?)",
        [
            new_id(),
            source_id,
            target_id,
            activity.canonical_json(dict(source)),
            activity.canonical_json(moved),
            now_ns,
            f"{actor.type}:{actor.id}",
        ],
    )
    connection.execute(
        "UPDATE issues SET last_notified_ns = ?, last_activity_ns = ? WHERE issue_id = ?",
        [
            _least(target["last_notified_ns"], source["last_notified_ns"]),
            max(target["last_activity_ns"], source["last_activity_ns"]),
            target_id,
        ],
    )
    before, after = {"status": target["status"]}, {"status": target["status"]}
    if hides and reopen:
        before["fix_version"], after = target["fix_version"], {"status": "new"}
        reset_recurrences(connection, [target_id])
        connection.execute(
            "UPDATE issues SET status = 'new', fix_version = NULL, resolved_ns = NULL WHERE issue_id = ?",
            [target_id],
        )
    _rebuild(connection, "SELECT target_id FROM temp.shared_occurrences", [target_id], now_ns)
    activity.log(
        connection,
        actor,
        "merge",
        project_id=project["project_id"],
        issue_id=target_id,
        at_ns=now_ns,
        before=before,
        after={**after, "source_issue_id": source_id, "source_status": source["status"]},
    )
    return tracked_issue(connection, target_id)


def unmerge(
    connection: sqlite3.Connection, project: sqlite3.Row, actor: Actor, source_text: str, *, now_ns: int
) -> TrackedIssue:
    """Bring back an issue that was merged, with its fingerprints and all evidence of them, also what came later.

    Args:
        connection: Inside a transaction to write.
        source_text: Id of the issue that was merged, or enough of its start or end.

    Returns:
        The issue that is back, with the status that it had.

    Raises:
        LifecycleError: code ``not_found``: it is not merged into another.
    """
    target, source_id = find_issue(connection, project["project_id"], source_text)
    if source_id is None:
        raise LifecycleError(
            f"issue {target['issue_id']} is not merged into another",
            code="not_found",
            details={"issue_id": target["issue_id"]},
        )
    target_id = target["issue_id"]
    record = connection.execute(
        "SELECT rowid, * FROM issue_merges WHERE source_issue_id = ? AND undone_ns IS NULL", [source_id]
    ).fetchone()
    moved = json.loads(record["moved_json"])
    source = json.loads(record["source_row_json"])
    if target["last_notified_ns"] is not None and target["last_notified_ns"] >= record["merged_ns"]:
        # A digest since then was about both.
        source["last_notified_ns"] = target["last_notified_ns"]
    names = ", ".join(source)
    connection.execute(
        f"INSERT INTO issues ({names}) VALUES ({', '.join(f':{name}' for name in source)})", source
    )
    _name_leaving(connection, record, moved)
    both = {"source": source_id, "target": target_id}
    _name_leaving_evidence(connection, target_id)
    _split_occurrences(connection, both, moved["duplicates"])
    connection.execute(
        "UPDATE issue_fingerprints SET issue_id = :source WHERE issue_id = :target "
        "AND (fingerprint_id, app_id, is_dev) IN (SELECT * FROM temp.leaving_fingerprints)",
        both,
    )
    for table, column in (("issue_comments", "comment_id"), ("issue_merges", "merge_id")):
        owner = "issue_id" if table == "issue_comments" else "target_issue_id"
        connection.execute(
            f"UPDATE {table} SET {owner} = :source WHERE {owner} = :target "
            f"AND {column} IN (SELECT id FROM temp.leaving_rows)",
            both,
        )
    connection.execute(
        "UPDATE issue_merges SET undone_ns = ? WHERE merge_id = ?", [now_ns, record["merge_id"]]
    )
    connection.execute(
        """
        UPDATE issues
        SET last_activity_ns = max(last_activity_ns, coalesce(
            (
                SELECT max(k.recorded_ns)
                FROM issue_occurrences AS o
                INNER JOIN issue_evidence_keys AS k ON o.occurrence_id = k.occurrence_id
                WHERE o.issue_id = issues.issue_id
            ),
            0
        ))
        WHERE issue_id = ?
        """,
        [source_id],
    )
    _rebuild(connection, "SELECT occurrence_id FROM temp.split_occurrences", [target_id, source_id], now_ns)
    for issue_id, other in ((target_id, source_id), (source_id, target_id)):
        name = "source_issue_id" if issue_id == target_id else "target_issue_id"
        activity.log(
            connection,
            actor,
            "unmerge",
            project_id=project["project_id"],
            issue_id=issue_id,
            at_ns=now_ns,
            after={name: other},
        )
    return tracked_issue(connection, source_id)


def _require_scope(target: sqlite3.Row, source: sqlite3.Row, *, across_apps: bool) -> None:
    if target["is_dev"] != source["is_dev"]:
        text = "one issue is of development, the other of production"
    elif target["app_id"] != source["app_id"] and not across_apps:
        text = "the issues are of different apps; say so if that is meant (across_apps)"
    else:
        return
    raise LifecycleError(
        f"cannot merge {source['issue_id']} into {target['issue_id']}: {text}",
        code="merge_scope",
        details={"target": target["issue_id"], "source": source["issue_id"]},
    )


def _least(one: int | None, other: int | None) -> int | None:
    known = [value for value in (one, other) if value is not None]
    return min(known) if known else None


def _pair_occurrences(connection: sqlite3.Connection, target_id: str, source_id: str) -> None:
    """Note in ``temp.shared_occurrences`` which occurrences of the two are of one session."""
    connection.execute("DROP TABLE IF EXISTS temp.shared_occurrences")
    connection.execute(
        """
        CREATE TEMP TABLE shared_occurrences AS
        SELECT s.session_id, s.occurrence_id AS source_id, t.occurrence_id AS target_id
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
            h.session_id, {", ".join(f"k.{column}" for column in _KEY)}, e.evidence_id IS NOT NULL AS has_detail,
            {", ".join(f"e.{column} AS detail_{column}" for column in _DETAIL)}
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


def _name_leaving(connection: sqlite3.Connection, record: sqlite3.Row, moved: dict[str, Any]) -> None:
    """Note what goes back with a merged issue: what is still with the target, and not by a later merge."""
    later = [
        found
        for (text,) in connection.execute(
            "SELECT moved_json FROM issue_merges WHERE target_issue_id = ? AND undone_ns IS NULL AND rowid > ?",
            [record["target_issue_id"], record["rowid"]],
        )
        # A merge that took this one along moved the same things.
        if record["merge_id"] not in (found := json.loads(text))["merges"]
    ]
    taken = {tuple(row) for other in later for row in other["fingerprints"]}
    _fill(
        connection,
        "leaving_fingerprints",
        "fingerprint_id, app_id, is_dev",
        (row for row in moved["fingerprints"] if tuple(row) not in taken),
    )
    taken_rows = {row for other in later for row in [*other["comments"], *other["merges"]]}
    _fill(
        connection,
        "leaving_rows",
        "id",
        ([row] for row in [*moved["comments"], *moved["merges"]] if row not in taken_rows),
    )


def _name_leaving_evidence(connection: sqlite3.Connection, target_id: str) -> None:
    """Note in ``temp.leaving_evidence`` what goes with the fingerprints that leave.

    Where two apps have the same fingerprint, the app of the session decides.
    """
    connection.execute("DROP TABLE IF EXISTS temp.leaving_evidence")
    connection.execute(
        """
        CREATE TEMP TABLE leaving_evidence AS
        SELECT k.occurrence_id, k.evidence_id
        FROM issue_occurrences AS o
        INNER JOIN issue_evidence_keys AS k ON o.occurrence_id = k.occurrence_id
        WHERE o.issue_id = :target
            AND k.fingerprint_id IN (
                SELECT f.fingerprint_id
                FROM issue_fingerprints AS f
                INNER JOIN temp.leaving_fingerprints AS l
                    ON f.fingerprint_id = l.fingerprint_id AND f.app_id = l.app_id AND f.is_dev = l.is_dev
                WHERE f.issue_id = :target
                    AND (
                        f.app_id = o.app_id
                        OR NOT EXISTS (
                            SELECT 1
                            FROM issue_fingerprints AS r
                            WHERE r.issue_id = :target AND r.fingerprint_id = f.fingerprint_id
                                AND (r.fingerprint_id, r.app_id, r.is_dev) NOT IN (
                                    SELECT * FROM temp.leaving_fingerprints
                                )
                        )
                    )
            )
        """,
        {"target": target_id},
    )
    connection.execute(
        "CREATE INDEX temp.leaving_evidence_by_key ON leaving_evidence (occurrence_id, evidence_id)"
    )


def _split_occurrences(
    connection: sqlite3.Connection, both: dict[str, str], duplicates: list[dict[str, Any]]
) -> None:
    """Move occurrences of which all evidence leaves, and copy the others.

    Args:
        both: Ids of ``target`` and ``source``.
        duplicates: Evidence that the merge dropped.
    """
    connection.execute(
        """
        UPDATE issue_occurrences SET issue_id = :source
        WHERE issue_id = :target
            AND NOT EXISTS (
                SELECT 1 FROM issue_evidence_keys AS k
                WHERE k.occurrence_id = issue_occurrences.occurrence_id
                    AND (k.occurrence_id, k.evidence_id) NOT IN (SELECT * FROM temp.leaving_evidence)
            )
        """,
        both,
    )
    _fill(connection, "duplicate_sessions", "session_id", ([row["session_id"]] for row in duplicates))
    connection.execute("DROP TABLE IF EXISTS temp.split_occurrences")
    connection.execute(
        """
        CREATE TEMP TABLE split_occurrences AS
        SELECT o.occurrence_id, o.session_id
        FROM issue_occurrences AS o
        WHERE o.issue_id = :target
            AND (
                o.occurrence_id IN (SELECT occurrence_id FROM temp.leaving_evidence)
                OR o.session_id IN (SELECT session_id FROM temp.duplicate_sessions)
            )
        """,
        both,
    )
    connection.create_function("new_id", 0, new_id)
    connection.execute(
        """
        INSERT INTO issue_occurrences (
            occurrence_id, issue_id, app_id, session_id, run_id, host, user, environment, recorded_ns
        )
        SELECT new_id(), :source, o.app_id, o.session_id, o.run_id, o.host, o.user, o.environment, o.recorded_ns
        FROM temp.split_occurrences AS p
        INNER JOIN issue_occurrences AS o ON p.occurrence_id = o.occurrence_id
        """,
        both,
    )
    connection.execute(
        """
        UPDATE issue_evidence_keys
        SET occurrence_id = (
            SELECT o.occurrence_id
            FROM temp.split_occurrences AS p
            INNER JOIN issue_occurrences AS o ON p.session_id = o.session_id AND o.issue_id = :source
            WHERE p.occurrence_id = issue_evidence_keys.occurrence_id
        )
        WHERE occurrence_id IN (SELECT occurrence_id FROM temp.split_occurrences)
            AND (occurrence_id, evidence_id) IN (SELECT * FROM temp.leaving_evidence)
        """,
        both,
    )
    _restore(connection, both["source"], duplicates)
    connection.execute(
        """
        INSERT INTO temp.split_occurrences
        SELECT o.occurrence_id, o.session_id
        FROM issue_occurrences AS o
        WHERE o.issue_id = :source
            AND o.session_id IN (
                SELECT session_id FROM temp.split_occurrences UNION SELECT session_id FROM temp.duplicate_sessions
            )
        """,
        both,
    )


def _restore(connection: sqlite3.Connection, source_id: str, duplicates: list[dict[str, Any]]) -> None:
    of_session = (
        "SELECT occurrence_id FROM issue_occurrences WHERE issue_id = :issue_id AND session_id = :session_id"
    )
    for row in duplicates:
        values = {**row, "issue_id": source_id}
        connection.execute(
            f"INSERT OR IGNORE INTO issue_evidence_keys (occurrence_id, {', '.join(_KEY)}) "
            f"SELECT occurrence_id, {', '.join(f':{column}' for column in _KEY)} FROM ({of_session})",
            values,
        )
        if row["has_detail"]:
            connection.execute(
                f"INSERT OR IGNORE INTO issue_evidence (occurrence_id, {', '.join(_DETAIL)}) "
                f"SELECT occurrence_id, {', '.join(f':detail_{column}' for column in _DETAIL)} FROM ({of_session})",
                values,
            )


def _fill(connection: sqlite3.Connection, table: str, columns: str, rows: Iterable[Sequence[Any]]) -> None:
    connection.execute(f"DROP TABLE IF EXISTS temp.{table}")
    connection.execute(f"CREATE TEMP TABLE {table} ({columns})")
    connection.executemany(
        f"INSERT INTO temp.{table} VALUES ({', '.join('?' * (columns.count(',') + 1))})", rows
    )


def _rebuild(connection: sqlite3.Connection, occurrences: str, issues: list[str], now_ns: int) -> None:
    found = [occurrence_id for (occurrence_id,) in connection.execute(occurrences)]
    aggregates.touch(connection, occurrences=found, issues=issues)
    aggregates.rebuild_occurrences(connection)
    aggregates.rebuild_issues(connection, now_ns=now_ns)
