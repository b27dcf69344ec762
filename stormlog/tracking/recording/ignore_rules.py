"""Rules of a project by which issues are ignored, and what they do to its issues.

The promise: an issue that a rule fits is ignored from the moment when both are there, whichever came first, unless
somebody works on it or resolved it; and it is back when the rule is removed.

Source: docs/tracking.md#ignore-rules.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Sequence
from typing import Any

from stormlog.errors import LifecycleError
from stormlog.issues import IgnoreRule, ignore_rule_of
from stormlog.tracking.actors import Actor
from stormlog.tracking.database.activity import canonical_json, log
from stormlog.tracking.database.sequences import next_sequence
from stormlog.tracking.models import TrackedRule

__all__ = ["add_rule", "apply_rules", "list_rules", "remove_rule", "rule_for"]

_FINGERPRINTS = "SELECT fingerprint_id, kind, dimensions_json FROM issue_fingerprints WHERE issue_id = ?"


def list_rules(connection: sqlite3.Connection, project_id: str) -> list[TrackedRule]:
    """Return the rules of a project, the oldest first."""
    rows = connection.execute(
        """
        SELECT r.*, p.name AS project, (
            SELECT count(*) FROM issues AS i
            WHERE i.project_id = r.project_id AND i.status = 'silenced'
                AND json_extract(i.ignore_until_json, '$.rule') = r.rule_id
        ) AS issue_count
        FROM ignore_rules AS r
        INNER JOIN projects AS p ON p.project_id = r.project_id
        WHERE r.project_id = ?
        ORDER BY r.rule_id
        """,
        [project_id],
    )
    return [
        TrackedRule(
            rule_id=row["rule_id"],
            project=row["project"],
            rule=ignore_rule_of(json.loads(row["rule_json"])),
            actor_type=row["actor_type"],
            actor_id=row["actor_id"],
            created_ns=row["created_ns"],
            issue_count=row["issue_count"],
        )
        for row in rows
    ]


def add_rule(
    connection: sqlite3.Connection, project_id: str, actor: Actor, rule: IgnoreRule, *, now_ns: int
) -> TrackedRule:
    """Add a rule, and ignore the issues that fit it; one that is there already stays as it is.

    Raises:
        ValueError: the actor is a scan.
    """
    if actor.type == "scan":
        raise ValueError("scans make no rules")
    text = canonical_json(rule.as_dict())
    added = connection.execute(
        "INSERT OR IGNORE INTO ignore_rules (project_id, rule_json, actor_type, actor_id, created_ns) "
        "VALUES (?, ?, ?, ?, ?)",
        [project_id, text, actor.type, actor.id, now_ns],
    ).rowcount
    [rule_id] = connection.execute(
        "SELECT rule_id FROM ignore_rules WHERE project_id = ? AND rule_json = ?", [project_id, text]
    ).fetchone()
    if added:
        log(
            connection,
            actor,
            "ignore_rule",
            project_id=project_id,
            at_ns=now_ns,
            after={"rule_id": rule_id, **rule.as_dict()},
        )
        apply_rules(connection, project_id, actor, None, now_ns=now_ns)
    return _rule(connection, project_id, rule_id)


def remove_rule(
    connection: sqlite3.Connection, project_id: str, actor: Actor, rule_id: int, *, now_ns: int
) -> TrackedRule:
    """Remove a rule; issues that no other rule fits are what they were before.

    Returns:
        The rule as it was.

    Raises:
        LifecycleError: code ``not_found``.
    """
    rule = _rule(connection, project_id, rule_id)
    connection.execute("DELETE FROM ignore_rules WHERE rule_id = ?", [rule_id])
    log(
        connection,
        actor,
        "remove_ignore_rule",
        project_id=project_id,
        at_ns=now_ns,
        before={"rule_id": rule_id, **rule.rule.as_dict()},
    )
    rows = connection.execute(
        "SELECT issue_id, ignore_until_json FROM issues WHERE project_id = ? AND status = 'silenced' "
        "AND json_extract(ignore_until_json, '$.rule') = ?",
        [project_id, rule_id],
    ).fetchall()
    sequence = next_sequence(connection, project_id) if rows else 0
    for row in rows:
        until = json.loads(row["ignore_until_json"])
        status = until.get("from_status", "new")
        connection.execute(
            "UPDATE issues SET status = ?, ignore_until_json = NULL, activity_sequence = ?, updated_ns = ?, "
            "revision = revision + 1 WHERE issue_id = ?",
            [status, sequence, now_ns, row["issue_id"]],
        )
        log(
            connection,
            actor,
            "unsilence",
            project_id=project_id,
            issue_id=row["issue_id"],
            at_ns=now_ns,
            before={"status": "silenced", "ignore_until": until},
            after={"status": status},
        )
    apply_rules(connection, project_id, actor, [row["issue_id"] for row in rows], now_ns=now_ns)
    return rule


def apply_rules(
    connection: sqlite3.Connection,
    project_id: str,
    actor: Actor,
    issue_ids: Iterable[str] | None,
    *,
    now_ns: int,
    scan_id: str | None = None,
) -> dict[str, str]:
    """Ignore new and regressed issues that a rule fits, and return id -> status before.

    Args:
        issue_ids: Which issues to look at; None for all of the project.
    """
    rules = list_rules(connection, project_id)
    if not rules:
        return {}
    rows = connection.execute(
        """
        SELECT issue_id, status, fix_version FROM issues
        WHERE project_id = :project_id AND status IN ('new', 'regressed')
            AND (:ids IS NULL OR issue_id IN (SELECT value FROM json_each(:ids)))
        ORDER BY issue_id
        """,
        {"project_id": project_id, "ids": None if issue_ids is None else json.dumps(list(issue_ids))},
    ).fetchall()
    ignored: dict[str, str] = {}
    for row in rows:
        found = _fitting(connection, row["issue_id"], rules)
        if found is None:
            continue
        until: dict[str, Any] = {"rule": found.rule_id, "from_status": row["status"]}
        if found.rule.reason is not None:
            until["reason"] = found.rule.reason
        connection.execute(
            "UPDATE issues SET status = 'silenced', ignore_until_json = ?, updated_ns = ?, revision = revision + 1 "
            "WHERE issue_id = ?",
            [canonical_json(until), now_ns, row["issue_id"]],
        )
        log(
            connection,
            actor,
            "ignore",
            project_id=project_id,
            issue_id=row["issue_id"],
            at_ns=now_ns,
            before={"status": row["status"]},
            after={"status": "silenced", "ignore_until": until},
            scan_id=scan_id,
        )
        ignored[row["issue_id"]] = row["status"]
    return ignored


def rule_for(connection: sqlite3.Connection, project_id: str, issue_id: str) -> TrackedRule | None:
    """Return the rule that an issue fits, whatever its status; None if it fits none."""
    return _fitting(connection, issue_id, list_rules(connection, project_id))


def _fitting(
    connection: sqlite3.Connection, issue_id: str, rules: Sequence[TrackedRule]
) -> TrackedRule | None:
    """Return the first rule that all fingerprints of an issue fit: one of them may be of another failure."""
    fingerprints = [
        (fingerprint_id, kind, json.loads(dimensions))
        for fingerprint_id, kind, dimensions in connection.execute(_FINGERPRINTS, [issue_id])
    ]
    return next(
        (
            found
            for found in rules
            if fingerprints and all(found.rule.fits(*fingerprint) for fingerprint in fingerprints)
        ),
        None,
    )


def _rule(connection: sqlite3.Connection, project_id: str, rule_id: int) -> TrackedRule:
    for found in list_rules(connection, project_id):
        if found.rule_id == rule_id:
            return found
    raise LifecycleError(
        f"no ignore rule {rule_id} in this project; 'stormlog issues ignores' lists those there are",
        code="not_found",
        details={"rule_id": rule_id},
    )
