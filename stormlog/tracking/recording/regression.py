"""Decides what new evidence means for issues that were resolved or silenced."""

from __future__ import annotations

import json
import sqlite3
from typing import Any

from stormlog.tracking.actors import Actor
from stormlog.tracking.clocks import is_from_wrong_clock
from stormlog.tracking.database import aggregates
from stormlog.tracking.database.activity import log
from stormlog.tracking.database.sequences import next_sequence

__all__ = ["end_silences", "ended_silences", "judge_resolved"]


def judge_resolved(
    connection: sqlite3.Connection,
    *,
    project: sqlite3.Row,
    actor: Actor,
    now_ns: int,
    scan_id: str | None,
    repo: str | None = None,
) -> int:
    """Compare the versions of ``temp.fresh`` with the fix versions of their issues.

    A newer one makes an issue regressed. One that gives no answer, or equals the fix, is marked as a recurrence.
    An older one is a straggler, and says nothing.

    Args:
        repo: Git repository that knows which commit is newer.

    Returns:
        How many issues regressed.
    """
    rows = connection.execute(
        """
        SELECT i.issue_id, i.app_id, i.fix_version, i.resolved_ns, i.revision, f.code_version
        FROM temp.fresh AS f
        INNER JOIN issues AS i ON i.issue_id = f.issue_id
        WHERE i.status = 'resolved'
        GROUP BY i.issue_id, f.code_version
        ORDER BY i.issue_id, f.code_version
        """
    ).fetchall()
    if not rows:
        return 0
    from stormlog.tracking.versions import compare_versions, repository_for, seen_among

    repository = repository_for(repo, [row[name] for row in rows for name in ("code_version", "fix_version")])
    regressed: dict[str, tuple[sqlite3.Row, str]] = {}
    recurring: list[tuple[str, str | None]] = []
    for row in rows:
        if row["issue_id"] in regressed:
            continue
        order = project["version_order"]
        found = compare_versions(
            row["code_version"],
            row["fix_version"],
            order=order,
            first_seen=seen_among(_versions_of(connection, row["app_id"])),
            repo=repository,
        )
        if found.result == "newer" or (found.result == "equal" and project["regress_on_equal"]):
            regressed[row["issue_id"]] = (row, found.basis)
        elif found.result != "older":
            recurring.append((row["issue_id"], row["code_version"]))
    connection.executemany(
        """
        UPDATE issue_evidence_keys SET is_recurrence = 1
        WHERE (occurrence_id, evidence_id) IN (
            SELECT occurrence_id, evidence_id FROM temp.fresh WHERE issue_id = ? AND code_version IS ?
        )
        """,
        [pair for pair in recurring if pair[0] not in regressed],
    )
    for issue_id, (row, basis) in regressed.items():
        _clear_recurrences(connection, issue_id)
        connection.execute(
            "UPDATE issues SET status = 'regressed', fix_version = NULL, resolved_ns = NULL WHERE issue_id = ?",
            [issue_id],
        )
        log(
            connection,
            actor,
            "regress",
            project_id=project["project_id"],
            issue_id=issue_id,
            at_ns=now_ns,
            before={"status": "resolved", "fix_version": row["fix_version"]},
            after={"status": "regressed", "code_version": row["code_version"], "basis": basis},
            scan_id=scan_id,
        )
    return len(regressed)


def end_silences(
    connection: sqlite3.Connection,
    *,
    project: sqlite3.Row,
    actor: Actor,
    now_ns: int,
    scan_id: str | None,
) -> int:
    """Move silenced issues whose silence has ended to ``new``.

    Returns:
        How many.
    """
    ended = ended_silences(connection, project["name"], now_ns)
    if not ended:
        return 0
    sequence = next_sequence(connection, project["project_id"])
    for row in ended:
        connection.execute(
            "UPDATE issues SET status = 'new', fix_version = NULL, ignore_until_json = NULL, last_activity_ns = ?, "
            "activity_sequence = ? WHERE issue_id = ?",
            [now_ns, sequence, row["issue_id"]],
        )
        log(
            connection,
            actor,
            "unsilence",
            project_id=project["project_id"],
            issue_id=row["issue_id"],
            at_ns=now_ns,
            before={"status": "silenced", "ignore_until": json.loads(row["ignore_until_json"])},
            after={"status": "new"},
            scan_id=scan_id,
        )
    aggregates.touch(connection, issues=[row["issue_id"] for row in ended])
    aggregates.rebuild_issues(connection, now_ns=now_ns)
    return len(ended)


def ended_silences(connection: sqlite3.Connection, project: str, now_ns: int) -> list[sqlite3.Row]:
    """Return the silenced issues of a project, by its name, whose silence has ended."""
    rows = connection.execute(
        """
        SELECT
            i.issue_id, i.ignore_until_json, i.occurrence_count, i.run_count, i.hit_count,
            (
                SELECT a.at_ns FROM activity AS a
                WHERE a.issue_id = i.issue_id AND a.action = 'ignore'
                ORDER BY a.activity_id DESC
                LIMIT 1
            ) AS silenced_ns
        FROM issues AS i
        INNER JOIN projects AS p ON i.project_id = p.project_id
        WHERE p.name = ? AND i.status = 'silenced' AND i.ignore_until_json IS NOT NULL
        """,
        [project],
    ).fetchall()
    return [row for row in rows if _has_ended(json.loads(row["ignore_until_json"]), row, now_ns)]


def _has_ended(until: dict[str, Any], row: sqlite3.Row, now_ns: int) -> bool:
    count, runs, date_ns = until.get("count"), until.get("runs"), until.get("date_ns")
    return bool(
        (count is not None and row["occurrence_count"] - until.get("from_count", 0) >= count)
        or (until.get("next") and row["hit_count"] > until.get("from_hits", 0))
        or (runs is not None and row["run_count"] - until.get("from_runs", 0) >= runs)
        or (date_ns is not None and _is_past(date_ns, row["silenced_ns"], now_ns))
    )


def _is_past(date_ns: int, silenced_ns: int | None, now_ns: int) -> bool:
    if now_ns >= date_ns:
        return True
    # Silenced by a clock that was ahead, an issue is shown again rather than silent for years.
    return silenced_ns is not None and is_from_wrong_clock(
        silenced_ns, now_ns=now_ns, interval_ns=date_ns - silenced_ns
    )


def _clear_recurrences(connection: sqlite3.Connection, issue_id: str) -> None:
    connection.execute(
        """
        UPDATE issue_evidence_keys SET is_recurrence = 0
        WHERE is_recurrence = 1
            AND occurrence_id IN (SELECT occurrence_id FROM issue_occurrences WHERE issue_id = ?)
        """,
        [issue_id],
    )


def _versions_of(connection: sqlite3.Connection, app_id: str) -> dict[str, int]:
    rows = connection.execute("SELECT version, first_event_ns FROM code_versions WHERE app_id = ?", [app_id])
    return dict(rows.fetchall())
