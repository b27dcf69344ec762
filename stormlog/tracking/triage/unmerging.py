"""Makes two issues of one again.

The promise: an issue that was merged comes back with its status and all evidence of its fingerprints, also what
came after the merge.

Source: docs/tracking.md#merging.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Sequence
from typing import Any

from stormlog.errors import LifecycleError
from stormlog.tracking.actors import Actor
from stormlog.tracking.database import activity, undo_records
from stormlog.tracking.database.ids import new_id
from stormlog.tracking.models import TrackedIssue
from stormlog.tracking.reading.lookup import find_issue, issue_name, tracked_issue
from stormlog.tracking.recording.ignore_rules import apply_rules
from stormlog.tracking.triage.merging import DETAIL_COLUMNS, KEY_COLUMNS, rebuild

__all__ = ["split", "unmerge"]


def unmerge(
    connection: sqlite3.Connection, project_id: str, actor: Actor, source_text: str, *, now_ns: int
) -> TrackedIssue:
    """Bring back an issue that was merged, with its fingerprints and all evidence of them, also what came later.

    Args:
        connection: Inside a transaction to write.
        project_id: Project of an issue that is named without one.
        source_text: Number or id of the issue that was merged, or enough of its start or end.

    Returns:
        The issue that is back, with the status that it had.

    Raises:
        LifecycleError: code ``not_found``: it is not merged into another.
    """
    target, source_id = find_issue(connection, project_id, source_text)
    if source_id is None:
        raise LifecycleError(
            f"issue {issue_name(connection, target['issue_id'])} is not merged into another",
            code="not_found",
            details={"issue_id": target["issue_id"]},
        )
    target_id = target["issue_id"]
    status = split(connection, target, source_id, now_ns=now_ns)
    first = None
    for issue_id, after in (
        (target_id, {"source_issue_id": source_id}),
        (source_id, {"target_issue_id": target_id, "status": status}),
    ):
        activity_id = activity.log(
            connection,
            actor,
            "unmerge",
            project_id=target["project_id"],
            issue_id=issue_id,
            at_ns=now_ns,
            after=after,
        )
        undo_records.keep(connection, activity_id, group_id=first)
        first = first or activity_id
    apply_rules(connection, target["project_id"], actor, [target_id, source_id], now_ns=now_ns)
    return tracked_issue(connection, source_id)


def split(connection: sqlite3.Connection, target: sqlite3.Row, source_id: str, *, now_ns: int) -> str:
    """Bring back an issue that was merged into another, and return its status.

    Args:
        target: Row of the other.
        source_id: Full id of the one that comes back.
    """
    target_id = target["issue_id"]
    record = connection.execute(
        "SELECT rowid, * FROM issue_merges WHERE source_issue_id = ? AND undone_ns IS NULL", [source_id]
    ).fetchone()
    moved = json.loads(record["moved_json"])
    source = _source_row(record)
    if target["notified_sequence"] >= record["merged_sequence"]:
        # A digest since then was about both.
        for column in ("notified_sequence", "last_notified_ns"):
            source[column] = target[column]
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
    for table, owner, key in (
        ("issue_comments", "issue_id", "comment_id"),
        ("issue_merges", "target_issue_id", "merge_id"),
    ):
        connection.execute(
            f"UPDATE {table} SET {owner} = :source WHERE {owner} = :target "
            f"AND {key} IN (SELECT id FROM temp.leaving_rows)",
            both,
        )
    _forget_leaving(connection, target_id, record["merge_id"])
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
        )),
        activity_sequence = max(activity_sequence, coalesce(
            (SELECT max(f.activity_sequence) FROM issue_fingerprints AS f WHERE f.issue_id = issues.issue_id), 0
        ))
        WHERE issue_id = ?
        """,
        [source_id],
    )
    rebuild(connection, "SELECT occurrence_id FROM temp.split_occurrences", [target_id, source_id], now_ns)
    return str(source["status"])


def _source_row(record: sqlite3.Row) -> dict[str, Any]:
    row: dict[str, Any] = json.loads(record["source_row_json"])
    # Rows of before there were sequences: times take their place, as migration 5 has it.
    row.setdefault("activity_sequence", max(row["last_activity_ns"], 1))
    row.setdefault("notified_sequence", row["last_notified_ns"] or 0)
    return row


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


def _forget_leaving(connection: sqlite3.Connection, target_id: str, merge_id: str) -> None:
    """Strike what leaves from the records of merges that took this one along: it is not theirs to give back."""
    fingerprints = {tuple(row) for row in connection.execute("SELECT * FROM temp.leaving_fingerprints")}
    rows = {identity for (identity,) in connection.execute("SELECT id FROM temp.leaving_rows")} | {merge_id}
    records = connection.execute(
        "SELECT merge_id, moved_json FROM issue_merges WHERE target_issue_id = ? AND undone_ns IS NULL",
        [target_id],
    ).fetchall()
    for other_id, text in records:
        moved = json.loads(text)
        if merge_id not in moved["merges"]:
            continue
        moved["fingerprints"] = [row for row in moved["fingerprints"] if tuple(row) not in fingerprints]
        for name in ("comments", "merges"):
            moved[name] = [identity for identity in moved[name] if identity not in rows]
        connection.execute(
            "UPDATE issue_merges SET moved_json = ? WHERE merge_id = ?",
            [activity.canonical_json(moved), other_id],
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
                    AND NOT EXISTS (
                        SELECT 1 FROM temp.leaving_evidence AS l
                        WHERE l.occurrence_id = k.occurrence_id AND l.evidence_id = k.evidence_id
                    )
            )
        """,
        both,
    )
    _fill(connection, "duplicate_sessions", "session_id", ([row["session_id"]] for row in duplicates))
    connection.execute("DROP TABLE IF EXISTS temp.split_occurrences")
    connection.execute(
        "CREATE TEMP TABLE split_occurrences (occurrence_id TEXT PRIMARY KEY, session_id TEXT)"
    )
    connection.execute(
        """
        INSERT INTO temp.split_occurrences
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
    for row in duplicates:
        known = connection.execute(
            "SELECT occurrence_id FROM issue_occurrences WHERE issue_id = ? AND session_id = ?",
            [source_id, row["session_id"]],
        ).fetchone()
        if known is not None:
            # Records of merges from before a column was added do not have it.
            columns = {name: row[name] for name in KEY_COLUMNS if name in row}
            _insert(connection, "issue_evidence_keys", known[0], columns)
            if row["has_detail"]:
                detail = {name: row[f"detail_{name}"] for name in DETAIL_COLUMNS}
                _insert(connection, "issue_evidence", known[0], detail)


def _insert(connection: sqlite3.Connection, table: str, occurrence_id: str, values: dict[str, Any]) -> None:
    connection.execute(
        f"INSERT OR IGNORE INTO {table} (occurrence_id, {', '.join(values)}) VALUES (?{', ?' * len(values)})",
        [occurrence_id, *values.values()],
    )


def _fill(connection: sqlite3.Connection, table: str, columns: str, rows: Iterable[Sequence[Any]]) -> None:
    connection.execute(f"DROP TABLE IF EXISTS temp.{table}")
    connection.execute(f"CREATE TEMP TABLE {table} ({columns})")
    connection.executemany(
        f"INSERT INTO temp.{table} VALUES ({', '.join('?' * (columns.count(',') + 1))})", rows
    )
