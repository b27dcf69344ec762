"""Brings what was recorded earlier in line with what is known now.

The promise: afterwards the tables say what they would say if everything had come at once. Works on what
`stormlog.tracking.recording.recorder` has put into temporary tables: ``routed``, all evidence of a batch with its
issue and occurrence; ``fresh``, what of it is new; ``founded``, the issues that it made.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping

from stormlog.tracking.database import aggregates

__all__ = ["date_findings", "drop_unfounded", "keep_details", "mark_changes", "move_evidence", "move_sources"]


def mark_changes(connection: sqlite3.Connection, project_id: str) -> None:
    """Apply what is known better now, and note in ``temp.changed`` what has to be counted again."""
    connection.execute("DROP TABLE IF EXISTS temp.changed")
    connection.execute("CREATE TEMP TABLE changed (occurrence_id TEXT, issue_id TEXT)")
    connection.execute(
        """
        INSERT INTO temp.changed
        SELECT DISTINCT occurrence_id, issue_id FROM temp.fresh
        UNION
        SELECT r.occurrence_id, r.issue_id
        FROM temp.routed AS r
        INNER JOIN temp.retitled AS t
            ON t.fingerprint_id = r.fingerprint_id AND t.app_id = r.app_id AND t.is_dev = r.is_dev
        """
    )
    _replace_findings(connection, project_id)
    # A finding may have moved to another sample. Where it shows in several sources, one speaks for it, always
    # the same. A version that was recorded stays.
    moved = """
        SELECT r.occurrence_id, r.evidence_id, r.issue_id
        FROM temp.routed AS r
        INNER JOIN issue_evidence_keys AS k ON k.occurrence_id = r.occurrence_id AND k.evidence_id = r.evidence_id
        WHERE (
                k.timestamp_ns IS NOT r.timestamp_ns OR k.rank IS NOT r.rank
                OR (k.code_version IS NULL AND r.code_version IS NOT NULL)
            )
            AND (
                r.kind <> 'hidden_memory_anomaly'
                OR r.finding_source = (
                    SELECT min(s.source_path) FROM finding_sources AS s
                    WHERE s.project_id = :project_id AND s.session_id = r.session_id
                        AND s.fingerprint_id = r.fingerprint_id AND s.evidence_id = r.evidence_id
                )
            )
    """
    project = {"project_id": project_id}
    connection.execute(f"INSERT INTO temp.changed SELECT occurrence_id, issue_id FROM ({moved})", project)
    connection.execute(
        f"""
        UPDATE issue_evidence_keys
        SET (timestamp_ns, rank, code_version) = (
            SELECT r.timestamp_ns, r.rank, coalesce(issue_evidence_keys.code_version, r.code_version)
            FROM temp.routed AS r
            WHERE r.occurrence_id = issue_evidence_keys.occurrence_id
                AND r.evidence_id = issue_evidence_keys.evidence_id
            ORDER BY r.fingerprint_id
            LIMIT 1
        )
        WHERE (occurrence_id, evidence_id) IN (SELECT occurrence_id, evidence_id FROM ({moved}))
        """,
        project,
    )
    # What is known of a session may have been less when it was first seen. Where two sources differ, the lesser
    # text counts, whichever came first.
    connection.execute("DROP TABLE IF EXISTS temp.facts")
    connection.execute(
        """
        CREATE TEMP TABLE facts AS
        SELECT
            o.occurrence_id,
            o.issue_id,
            CASE
                WHEN r.run_id IS NULL THEN o.run_id
                WHEN o.run_id = o.session_id THEN r.run_id
                ELSE min(o.run_id, r.run_id)
            END AS run_id,
            min(coalesce(o.host, r.host), coalesce(r.host, o.host)) AS host,
            min(coalesce(o.user, r.user), coalesce(r.user, o.user)) AS user,
            min(coalesce(o.environment, r.environment), coalesce(r.environment, o.environment)) AS environment
        FROM (
            SELECT
                occurrence_id, min(run_id) AS run_id, min(host) AS host, min(user) AS user,
                min(environment) AS environment
            FROM temp.routed
            GROUP BY occurrence_id
        ) AS r
        INNER JOIN issue_occurrences AS o ON o.occurrence_id = r.occurrence_id
        """
    )
    connection.execute(
        """
        DELETE FROM temp.facts
        WHERE EXISTS (
            SELECT 1 FROM issue_occurrences AS o
            WHERE o.occurrence_id = facts.occurrence_id AND o.run_id = facts.run_id AND o.host IS facts.host
                AND o.user IS facts.user AND o.environment IS facts.environment
        )
        """
    )
    connection.execute("INSERT INTO temp.changed SELECT occurrence_id, issue_id FROM temp.facts")
    connection.execute(
        """
        UPDATE issue_occurrences
        SET (run_id, host, user, environment) = (
            SELECT f.run_id, f.host, f.user, f.environment FROM temp.facts AS f
            WHERE f.occurrence_id = issue_occurrences.occurrence_id
        )
        WHERE occurrence_id IN (SELECT occurrence_id FROM temp.facts)
        """
    )


def move_evidence(connection: sqlite3.Connection, project_id: str, moved: Mapping[str, str]) -> None:
    """Let evidence name its files and bundles where they lie now.

    Args:
        moved: Old path of a file or bundle -> new path.
    """
    if not moved:
        return
    _put_moved(connection, moved)
    connection.execute(
        """
        UPDATE issue_evidence
        SET source_path = (SELECT m.new FROM temp.moved AS m WHERE m.old = issue_evidence.source_path),
            bundle_path = CASE
                WHEN bundle_path = source_path
                    THEN (SELECT m.new FROM temp.moved AS m WHERE m.old = issue_evidence.source_path)
                ELSE bundle_path
            END
        WHERE source_path IN (SELECT old FROM temp.moved)
            AND occurrence_id IN (
                SELECT o.occurrence_id
                FROM issue_occurrences AS o
                INNER JOIN issues AS i ON i.issue_id = o.issue_id
                WHERE i.project_id = ?
            )
        """,
        [project_id],
    )


def _put_moved(connection: sqlite3.Connection, moved: Mapping[str, str]) -> None:
    connection.execute("CREATE TEMP TABLE IF NOT EXISTS moved (old TEXT PRIMARY KEY, new TEXT)")
    connection.execute("DELETE FROM temp.moved")
    connection.executemany("INSERT INTO temp.moved VALUES (?, ?)", moved.items())


def move_sources(connection: sqlite3.Connection, project_id: str, moved: Mapping[str, str]) -> None:
    """Let findings and known files name their sources where they lie now.

    Args:
        moved: Old path of a source -> new path.
    """
    if not moved:
        return
    _put_moved(connection, moved)
    connection.execute(
        """
        UPDATE OR IGNORE finding_sources
        SET source_path = (SELECT m.new FROM temp.moved AS m WHERE m.old = finding_sources.source_path)
        WHERE project_id = ? AND source_path IN (SELECT old FROM temp.moved)
        """,
        [project_id],
    )
    connection.execute(
        """
        UPDATE scan_sources
        SET source_path = (SELECT m.new FROM temp.moved AS m WHERE m.old = scan_sources.source_path)
        WHERE project_id = ? AND source_path IN (SELECT old FROM temp.moved)
        """,
        [project_id],
    )
    # Those that showed at the new path, too.
    connection.execute(
        """
        DELETE FROM finding_sources
        WHERE project_id = ? AND source_path IN (SELECT old FROM temp.moved)
        """,
        [project_id],
    )


def _replace_findings(connection: sqlite3.Connection, project_id: str) -> None:
    """Note where findings show now, and remove those that show nowhere any more."""
    connection.execute(
        """
        INSERT OR IGNORE INTO finding_sources (project_id, source_path, session_id, fingerprint_id, evidence_id)
        SELECT ?, s.source_path, i.session_id, i.fingerprint_id, i.evidence_id
        FROM temp.settled_sessions AS s
        INNER JOIN temp.incoming AS i ON i.batch = s.batch AND i.session_id = s.session_id
        WHERE s.batch IN (SELECT batch FROM temp.current_batches) AND i.kind = 'hidden_memory_anomaly'
        """,
        [project_id],
    )
    connection.execute(
        """
        DELETE FROM finding_sources
        WHERE project_id = ?
            AND (session_id, source_path) IN (
                SELECT session_id, source_path FROM temp.copied_sessions
                WHERE batch IN (SELECT batch FROM temp.current_batches)
            )
        """,
        [project_id],
    )
    connection.execute("DROP TABLE IF EXISTS temp.complete_sessions")
    connection.execute(
        "CREATE TEMP TABLE complete_sessions AS SELECT * FROM temp.settled_sessions "
        "WHERE is_complete AND batch IN (SELECT batch FROM temp.current_batches)"
    )
    connection.execute(
        """
        DELETE FROM finding_sources
        WHERE project_id = ?
            AND (session_id, source_path) IN (SELECT session_id, source_path FROM temp.complete_sessions)
            AND NOT EXISTS (
                SELECT 1
                FROM temp.complete_sessions AS s
                INNER JOIN temp.incoming AS i ON i.batch = s.batch AND i.session_id = s.session_id
                WHERE s.session_id = finding_sources.session_id AND s.source_path = finding_sources.source_path
                    AND i.fingerprint_id = finding_sources.fingerprint_id
                    AND i.evidence_id = finding_sources.evidence_id
            )
        """,
        [project_id],
    )
    gone = """
        SELECT k.occurrence_id, k.evidence_id, o.issue_id
        FROM (SELECT DISTINCT session_id FROM temp.complete_sessions) AS s
        INNER JOIN issue_occurrences AS o ON o.session_id = s.session_id
        INNER JOIN issues AS i ON i.issue_id = o.issue_id AND i.project_id = :project_id
        INNER JOIN issue_evidence_keys AS k ON k.occurrence_id = o.occurrence_id
        INNER JOIN issue_fingerprints AS f
            ON f.issue_id = o.issue_id AND f.fingerprint_id = k.fingerprint_id AND f.kind = 'hidden_memory_anomaly'
        WHERE NOT EXISTS (
            SELECT 1 FROM finding_sources AS n
            WHERE n.project_id = :project_id AND n.session_id = o.session_id
                AND n.fingerprint_id = k.fingerprint_id AND n.evidence_id = k.evidence_id
        )
    """
    project = {"project_id": project_id}
    connection.execute(f"INSERT INTO temp.changed SELECT occurrence_id, issue_id FROM ({gone})", project)
    connection.execute(
        f"""
        DELETE FROM issue_evidence_keys
        WHERE (occurrence_id, evidence_id) IN (SELECT occurrence_id, evidence_id FROM ({gone}))
        """,
        project,
    )


def date_findings(connection: sqlite3.Connection) -> None:
    """Let fingerprints of findings name their earliest one as it is now: findings move, other evidence does not."""
    earliest = """
        FROM issue_occurrences AS o
        INNER JOIN issue_evidence_keys AS k ON k.occurrence_id = o.occurrence_id
        WHERE o.issue_id = issue_fingerprints.issue_id AND k.fingerprint_id = issue_fingerprints.fingerprint_id
    """
    connection.execute(
        f"""
        UPDATE issue_fingerprints
        SET (title_ns, title_evidence_id) = (
            SELECT k.timestamp_ns, k.evidence_id {earliest} ORDER BY k.timestamp_ns, k.evidence_id LIMIT 1
        )
        WHERE kind = 'hidden_memory_anomaly'
            AND issue_id IN (SELECT issue_id FROM temp.changed)
            AND EXISTS (SELECT 1 {earliest})
        """
    )


def keep_details(connection: sqlite3.Connection) -> None:
    """Keep what the first and last pieces of evidence of each occurrence say, as it is known now."""
    connection.execute("DROP TABLE IF EXISTS temp.ends")
    connection.execute(
        f"""
        CREATE TEMP TABLE ends AS
        SELECT occurrence_id, evidence_id
        FROM (
            SELECT
                k.occurrence_id,
                k.evidence_id,
                row_number() OVER (PARTITION BY k.occurrence_id ORDER BY k.timestamp_ns, k.evidence_id) AS from_first,
                row_number() OVER (
                    PARTITION BY k.occurrence_id ORDER BY k.timestamp_ns DESC, k.evidence_id DESC
                ) AS from_last
            FROM issue_evidence_keys AS k
            WHERE k.occurrence_id IN (SELECT DISTINCT occurrence_id FROM temp.routed)
        ) AS ranked
        WHERE from_first <= {aggregates.KEPT_FIRST} OR from_last <= {aggregates.KEPT_LAST}
        """
    )
    # CROSS JOIN: look each of the few up among the many, by their index.
    connection.execute(
        """
        INSERT INTO issue_evidence (
            occurrence_id, evidence_id, source_kind, event_type, source_path, bundle_path, metadata_json
        )
        SELECT
            r.occurrence_id, r.evidence_id, r.source_kind, r.event_type, r.source_path, r.bundle_path, r.metadata_json
        FROM temp.ends AS e
        CROSS JOIN temp.routed AS r ON r.occurrence_id = e.occurrence_id AND r.evidence_id = e.evidence_id
        WHERE true
        ORDER BY r.fingerprint_id DESC
        ON CONFLICT (occurrence_id, evidence_id) DO UPDATE SET
            source_kind = excluded.source_kind,
            event_type = excluded.event_type,
            source_path = excluded.source_path,
            bundle_path = excluded.bundle_path,
            metadata_json = excluded.metadata_json
        -- Of copies, one speaks, always the same. Earlier versions recorded relative paths.
        WHERE excluded.source_path <= coalesce(issue_evidence.source_path, excluded.source_path)
            OR issue_evidence.source_path NOT LIKE '/%'
        """
    )


def drop_unfounded(connection: sqlite3.Connection) -> int:
    """Remove touched issues that have no evidence left and that nobody but scans ever touched.

    Returns:
        How many of them this call made.
    """
    unfounded = """
        SELECT i.issue_id FROM issues AS i
        WHERE i.issue_id IN (SELECT id FROM temp.touched_issues)
            AND (i.status = 'new' OR json_extract(i.ignore_until_json, '$.rule') IS NOT NULL)
            AND NOT EXISTS (SELECT 1 FROM issue_occurrences AS o WHERE o.issue_id = i.issue_id)
            AND NOT EXISTS (SELECT 1 FROM issue_comments AS c WHERE c.issue_id = i.issue_id)
            AND NOT EXISTS (SELECT 1 FROM issue_merges AS m WHERE m.target_issue_id = i.issue_id)
            AND NOT EXISTS (
                SELECT 1 FROM activity AS a WHERE a.issue_id = i.issue_id AND a.actor_type <> 'scan'
            )
    """
    ids = [issue_id for (issue_id,) in connection.execute(unfounded)]
    just_made = connection.execute(
        f"SELECT count(*) FROM temp.founded WHERE issue_id IN ({unfounded})"
    ).fetchone()[0]
    # Nobody has seen the numbers of those that this call made.
    connection.execute(
        f"""
        DELETE FROM issue_numbers
        WHERE issue_id IN (SELECT f.issue_id FROM temp.founded AS f WHERE f.issue_id IN ({unfounded}))
        """
    )
    for table in ("activity", "issue_fingerprints", "issues"):
        connection.executemany(f"DELETE FROM {table} WHERE issue_id = ?", [(issue_id,) for issue_id in ids])
    return int(just_made)
