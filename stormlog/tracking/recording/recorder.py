"""Turns evidence into tracked issues: one transaction for everything that a source or a message brings.

The promise: what the tables say afterwards depends on the evidence alone, not on how it was split among calls.
What is recorded already is not recorded again, and changes nothing, not even a time. Only evidence that is new
can make an issue regressed.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Sequence
from dataclasses import astuple, dataclass
from typing import Any

from stormlog.tracking.actors import Actor
from stormlog.tracking.database import aggregates
from stormlog.tracking.database.ids import new_id
from stormlog.tracking.database.sequences import next_sequence
from stormlog.tracking.recording.ignore_rules import apply_rules
from stormlog.tracking.recording.reconciling import date_findings, drop_unfounded, keep_details, mark_changes
from stormlog.tracking.recording.regression import judge_resolved

__all__ = ["INCOMING", "Recorded", "incoming_counts", "put_incoming", "record", "settle_sessions"]

#: Columns of evidence on its way into the store. ``batch`` tells what one call records.
INCOMING = (
    "batch",
    "fingerprint_id",
    "app",
    "is_dev",
    "kind",
    "schema_version",
    "dimensions_json",
    "severity",
    "title",
    "session_id",
    "run_id",
    "host",
    "user",
    "environment",
    "code_version",
    "rank",
    "timestamp_ns",
    "evidence_id",
    "source_kind",
    "event_type",
    "source_path",
    "bundle_path",
    "metadata_json",
)


@dataclass(frozen=True)
class Recorded:
    """What one call of `record` did."""

    evidence_new: int = 0
    issues_created: int = 0
    issues_regressed: int = 0
    occurrences_created: int = 0
    occurrences_updated: int = 0

    def __add__(self, other: Recorded) -> Recorded:
        return Recorded(*(a + b for a, b in zip(astuple(self), astuple(other), strict=True)))


def put_incoming(connection: sqlite3.Connection, rows: Iterable[Sequence[Any]]) -> None:
    """Put evidence where `record` finds it, in place of what was there.

    Args:
        connection: Outside of a transaction, or inside one.
        rows: Values of `INCOMING`.
    """
    connection.execute(f"CREATE TEMP TABLE IF NOT EXISTS incoming ({', '.join(INCOMING)})")
    connection.execute("CREATE INDEX IF NOT EXISTS temp.incoming_by_batch ON incoming (batch, session_id)")
    connection.execute("DELETE FROM temp.incoming")
    settle_sessions(connection)
    connection.executemany(f"INSERT INTO temp.incoming VALUES ({', '.join('?' * len(INCOMING))})", rows)


def incoming_counts(connection: sqlite3.Connection) -> dict[int, int]:
    """Return batch -> pieces of evidence in ``temp.incoming``."""
    return dict(connection.execute("SELECT batch, count(*) FROM temp.incoming GROUP BY batch").fetchall())


def settle_sessions(
    connection: sqlite3.Connection,
    sessions: Iterable[tuple[int, str, str, bool]] = (),
    copies: Iterable[tuple[int, str, str]] = (),
) -> None:
    """Name the sessions whose hidden-memory findings are in ``temp.incoming``.

    Args:
        sessions: Batch, session, path of the source, and whether all that the source ever showed was looked at:
            then findings that are not there are found there no more.
        copies: Batch and session of such a source, and path of one that holds a copy of the session or of its
            beginning: what that one showed alone does not count.
    """
    connection.execute(
        "CREATE TEMP TABLE IF NOT EXISTS settled_sessions "
        "(batch, session_id, source_path, is_complete, PRIMARY KEY (batch, session_id))"
    )
    connection.execute("DELETE FROM temp.settled_sessions")
    connection.executemany("INSERT OR IGNORE INTO temp.settled_sessions VALUES (?, ?, ?, ?)", sessions)
    connection.execute("CREATE TEMP TABLE IF NOT EXISTS copied_sessions (batch, session_id, source_path)")
    connection.execute("DELETE FROM temp.copied_sessions")
    connection.executemany("INSERT INTO temp.copied_sessions VALUES (?, ?, ?)", copies)


def record(
    connection: sqlite3.Connection,
    *,
    project: sqlite3.Row,
    actor: Actor,
    now_ns: int,
    batches: Sequence[int] = (0,),
    scan_id: str | None = None,
    repo: str | None = None,
) -> Recorded:
    """Record some of ``temp.incoming``.

    Args:
        connection: Inside a transaction to write.
        project: Row of ``projects``.
        actor: Who records.
        now_ns: Clock of the caller, nanoseconds since the Unix epoch.
        batches: Which rows of ``temp.incoming``.
        scan_id: The scan, for the activity log.
        repo: Git repository that knows which commit is newer.
    """
    connection.create_function("new_id", 0, new_id)
    project_id = project["project_id"]
    connection.execute("CREATE TEMP TABLE IF NOT EXISTS current_batches (batch PRIMARY KEY)")
    connection.execute("DELETE FROM temp.current_batches")
    connection.executemany("INSERT INTO temp.current_batches VALUES (?)", [(batch,) for batch in batches])
    _route(connection, project_id)
    created = _create_issues(connection, project_id, actor, now_ns, scan_id)
    _retitle(connection)
    occurrences_created = _create_occurrences(connection, now_ns)
    evidence_new = _add_evidence(connection, now_ns)
    mark_changes(connection, project_id)
    date_findings(connection)
    keep_details(connection)
    _learn_versions(connection)
    if evidence_new:
        _note_activity(connection, next_sequence(connection, project_id), now_ns)
    regressed = judge_resolved(
        connection, project=project, actor=actor, now_ns=now_ns, scan_id=scan_id, repo=repo
    )
    occurrences = [i for (i,) in connection.execute("SELECT DISTINCT occurrence_id FROM temp.changed")]
    issues = [i for (i,) in connection.execute("SELECT DISTINCT issue_id FROM temp.changed")]
    # What a rule ignores is neither new nor regressed.
    ignored = apply_rules(connection, project_id, actor, issues, now_ns=now_ns, scan_id=scan_id)
    founded = {i for (i,) in connection.execute("SELECT issue_id FROM temp.founded")} if ignored else set()
    created -= sum(issue_id in founded for issue_id in ignored)
    regressed -= list(ignored.values()).count("regressed")
    aggregates.touch(connection, occurrences=occurrences, issues=issues)
    aggregates.rebuild_occurrences(connection)
    created -= drop_unfounded(connection)
    aggregates.rebuild_issues(connection, now_ns=now_ns)
    return Recorded(
        evidence_new,
        max(created, 0),
        max(regressed, 0),
        occurrences_created,
        len(occurrences) - occurrences_created,
    )


def _route(connection: sqlite3.Connection, project_id: str) -> None:
    connection.execute(
        """
        INSERT INTO apps (app_id, project_id, name)
        SELECT new_id(), ?, i.app
        FROM (
            SELECT DISTINCT app FROM temp.incoming WHERE batch IN (SELECT batch FROM temp.current_batches)
        ) AS i
        WHERE NOT EXISTS (SELECT 1 FROM apps AS a WHERE a.project_id = ? AND a.name = i.app)
        """,
        [project_id, project_id],
    )
    connection.execute("DROP TABLE IF EXISTS temp.routed")
    # The same evidence may come through several sources: the first path speaks for it. With a bare min(),
    # SQLite takes the other columns from the row that holds it.
    connection.execute(
        """
        CREATE TEMP TABLE routed AS
        SELECT
            a.app_id, i.is_dev, i.fingerprint_id, i.session_id, i.evidence_id, i.kind, i.schema_version,
            i.dimensions_json, i.severity, i.title, i.run_id, i.host, i.user, i.environment, i.code_version, i.rank,
            i.timestamp_ns, i.source_kind, i.event_type, min(i.source_path) AS source_path, i.bundle_path,
            i.metadata_json, s.source_path AS finding_source, CAST(NULL AS TEXT) AS issue_id,
            CAST(NULL AS TEXT) AS occurrence_id
        FROM temp.incoming AS i
        INNER JOIN apps AS a ON a.project_id = ? AND a.name = i.app
        LEFT JOIN temp.settled_sessions AS s ON s.batch = i.batch AND s.session_id = i.session_id
        WHERE i.batch IN (SELECT batch FROM temp.current_batches)
        GROUP BY a.app_id, i.is_dev, i.fingerprint_id, i.session_id, i.evidence_id
        """,
        [project_id],
    )
    _share_facts(connection, project_id)


def _share_facts(connection: sqlite3.Connection, project_id: str) -> None:
    """Let evidence of several sources say what any of them knows of the session, as batches one by one would."""
    [is_shared] = connection.execute(
        """
        SELECT (SELECT count(*) FROM temp.routed) < (
            SELECT count(*) FROM temp.incoming WHERE batch IN (SELECT batch FROM temp.current_batches)
        )
        """
    ).fetchone()
    if not is_shared:
        return
    connection.execute(
        """
        UPDATE temp.routed
        SET
            run_id = s.run_id,
            host = s.host,
            user = s.user,
            environment = s.environment,
            code_version = coalesce(routed.code_version, s.code_version)
        FROM (
            SELECT
                a.app_id, i.is_dev, i.fingerprint_id, i.session_id, i.evidence_id, min(i.run_id) AS run_id,
                min(i.host) AS host, min(i.user) AS user, min(i.environment) AS environment,
                min(i.code_version) AS code_version
            FROM temp.incoming AS i
            INNER JOIN apps AS a ON a.project_id = ? AND a.name = i.app
            WHERE i.batch IN (SELECT batch FROM temp.current_batches)
            GROUP BY a.app_id, i.is_dev, i.fingerprint_id, i.session_id, i.evidence_id
            HAVING count(*) > 1
        ) AS s
        WHERE routed.app_id = s.app_id AND routed.is_dev = s.is_dev AND routed.fingerprint_id = s.fingerprint_id
            AND routed.session_id = s.session_id AND routed.evidence_id = s.evidence_id
        """,
        [project_id],
    )


def _create_issues(
    connection: sqlite3.Connection, project_id: str, actor: Actor, now_ns: int, scan_id: str | None
) -> int:
    connection.execute("DROP TABLE IF EXISTS temp.earliest")
    connection.execute(
        """
        CREATE TEMP TABLE earliest AS
        SELECT *
        FROM (
            SELECT
                *,
                row_number() OVER (
                    PARTITION BY app_id, is_dev, fingerprint_id
                    ORDER BY timestamp_ns IS NULL, timestamp_ns, evidence_id
                ) AS position
            FROM temp.routed
        ) AS r
        WHERE position = 1
        """
    )
    connection.execute("DROP TABLE IF EXISTS temp.founded")
    connection.execute(
        """
        CREATE TEMP TABLE founded AS
        SELECT new_id() AS issue_id, e.*
        FROM temp.earliest AS e
        WHERE NOT EXISTS (
            SELECT 1 FROM issue_fingerprints AS f
            WHERE f.fingerprint_id = e.fingerprint_id AND f.app_id = e.app_id AND f.is_dev = e.is_dev
        )
        ORDER BY e.timestamp_ns IS NULL, e.timestamp_ns, e.evidence_id
        """
    )
    connection.execute(
        """
        INSERT INTO issues (
            issue_id, project_id, app_id, is_dev, kind, status, title, severity, last_activity_ns, created_ns,
            updated_ns, revision
        )
        SELECT issue_id, ?, app_id, is_dev, kind, 'new', title, severity, ?, ?, ?, 0 FROM temp.founded
        """,
        [project_id, now_ns, now_ns, now_ns],
    )
    created = connection.execute("SELECT count(*) FROM temp.founded").fetchone()[0]
    connection.execute(
        """
        INSERT INTO issue_fingerprints (
            fingerprint_id, app_id, is_dev, issue_id, kind, schema_version, dimensions_json, severity, title,
            title_ns, title_evidence_id, added_ns
        )
        SELECT
            fingerprint_id, app_id, is_dev, issue_id, kind, schema_version, dimensions_json, severity, title,
            timestamp_ns, evidence_id, ?
        FROM temp.founded
        """,
        [now_ns],
    )
    connection.execute(
        """
        INSERT INTO activity (project_id, issue_id, at_ns, actor_type, actor_id, action, after_json, scan_id)
        SELECT ?, issue_id, ?, ?, ?, 'create', json_object('status', 'new'), ? FROM temp.founded
        """,
        [project_id, now_ns, actor.type, actor.id, scan_id],
    )
    connection.execute(
        """
        UPDATE temp.routed
        SET issue_id = (
            SELECT f.issue_id FROM issue_fingerprints AS f
            WHERE f.fingerprint_id = routed.fingerprint_id AND f.app_id = routed.app_id AND f.is_dev = routed.is_dev
        )
        """
    )
    return int(created)


def _retitle(connection: sqlite3.Connection) -> None:
    """Give fingerprints the title of their earliest evidence, whenever it came.

    One that was imported before anything was seen of it learns what it is.
    """
    connection.execute("DROP TABLE IF EXISTS temp.retitled")
    connection.execute(
        """
        CREATE TEMP TABLE retitled AS
        SELECT
            e.fingerprint_id, e.app_id, e.is_dev, e.kind, e.severity, e.dimensions_json, e.title, e.timestamp_ns,
            e.evidence_id, f.issue_id
        FROM temp.earliest AS e
        INNER JOIN issue_fingerprints AS f
            ON f.fingerprint_id = e.fingerprint_id AND f.app_id = e.app_id AND f.is_dev = e.is_dev
        WHERE f.title_evidence_id = ''
            OR (e.timestamp_ns IS NULL, coalesce(e.timestamp_ns, 0), e.evidence_id)
                < (f.title_ns IS NULL, coalesce(f.title_ns, 0), f.title_evidence_id)
        """
    )
    connection.execute(
        """
        UPDATE issue_fingerprints
        SET (kind, severity, dimensions_json, title, title_ns, title_evidence_id) = (
            SELECT t.kind, t.severity, t.dimensions_json, t.title, t.timestamp_ns, t.evidence_id FROM temp.retitled AS t
            WHERE t.fingerprint_id = issue_fingerprints.fingerprint_id AND t.app_id = issue_fingerprints.app_id
                AND t.is_dev = issue_fingerprints.is_dev
        )
        WHERE (fingerprint_id, app_id, is_dev) IN (SELECT fingerprint_id, app_id, is_dev FROM temp.retitled)
        """
    )


def _create_occurrences(connection: sqlite3.Connection, now_ns: int) -> int:
    cursor = connection.execute(
        """
        INSERT INTO issue_occurrences (
            occurrence_id, issue_id, app_id, session_id, run_id, host, user, environment, recorded_ns
        )
        SELECT
            new_id(), r.issue_id, r.app_id, r.session_id, coalesce(r.run_id, r.session_id), r.host, r.user,
            r.environment, ?
        FROM (
            SELECT
                issue_id, min(app_id) AS app_id, session_id, min(run_id) AS run_id, min(host) AS host,
                min(user) AS user, min(environment) AS environment
            FROM temp.routed
            GROUP BY issue_id, session_id
        ) AS r
        WHERE NOT EXISTS (
            SELECT 1 FROM issue_occurrences AS o WHERE o.issue_id = r.issue_id AND o.session_id = r.session_id
        )
        """,
        [now_ns],
    )
    created = cursor.rowcount
    connection.execute(
        """
        UPDATE temp.routed
        SET occurrence_id = (
            SELECT o.occurrence_id FROM issue_occurrences AS o
            WHERE o.issue_id = routed.issue_id AND o.session_id = routed.session_id
        )
        """
    )
    # Two fingerprints of one issue may share evidence: it counts once.
    connection.execute("CREATE INDEX temp.routed_by_key ON routed (occurrence_id, evidence_id)")
    return created


def _add_evidence(connection: sqlite3.Connection, now_ns: int) -> int:
    connection.execute("DROP TABLE IF EXISTS temp.fresh")
    connection.execute(
        """
        CREATE TEMP TABLE fresh AS
        SELECT
            r.issue_id, r.occurrence_id, r.evidence_id, min(r.fingerprint_id) AS fingerprint_id, r.app_id,
            r.timestamp_ns, r.rank, r.code_version
        FROM temp.routed AS r
        LEFT JOIN issue_evidence_keys AS k ON k.occurrence_id = r.occurrence_id AND k.evidence_id = r.evidence_id
        WHERE k.evidence_id IS NULL
            -- The id of a further equal record is that of the first, 'telemetry-' and 32 digits, with its number.
            AND NOT EXISTS (
                SELECT 1 FROM issue_evidence_keys AS e
                WHERE e.occurrence_id = r.occurrence_id AND e.evidence_id = substr(r.evidence_id, 1, 42)
                    AND e.stands_for_equal AND r.evidence_id LIKE 'telemetry-%-%'
            )
        GROUP BY r.occurrence_id, r.evidence_id
        """
    )
    connection.execute(
        """
        INSERT INTO issue_evidence_keys (
            occurrence_id, evidence_id, fingerprint_id, timestamp_ns, rank, code_version, recorded_ns, stands_for_equal
        )
        SELECT occurrence_id, evidence_id, fingerprint_id, timestamp_ns, rank, code_version, ?, 0 FROM temp.fresh
        """,
        [now_ns],
    )
    return int(connection.execute("SELECT count(*) FROM temp.fresh").fetchone()[0])


def _note_activity(connection: sqlite3.Connection, sequence: int, now_ns: int) -> None:
    """Note which write brought the new evidence of issues and of their fingerprints."""
    connection.execute(
        "UPDATE issues SET last_activity_ns = ?, activity_sequence = ? "
        "WHERE issue_id IN (SELECT issue_id FROM temp.fresh)",
        [now_ns, sequence],
    )
    connection.execute(
        "UPDATE issue_fingerprints SET activity_sequence = ? "
        "WHERE (issue_id, fingerprint_id) IN (SELECT issue_id, fingerprint_id FROM temp.fresh)",
        [sequence],
    )


def _learn_versions(connection: sqlite3.Connection) -> None:
    connection.execute(
        """
        INSERT INTO code_versions (app_id, version, first_event_ns)
        SELECT app_id, code_version, min(timestamp_ns)
        FROM temp.routed
        WHERE code_version IS NOT NULL AND timestamp_ns IS NOT NULL
        GROUP BY app_id, code_version
        ON CONFLICT (app_id, version) DO UPDATE SET first_event_ns = excluded.first_event_ns
        WHERE excluded.first_event_ns < first_event_ns
        """
    )
