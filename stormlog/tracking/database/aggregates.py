"""Works out everything that is counted, from the evidence: nothing is ever incremented, so nothing drifts.

The promise: what rows say is a function of the evidence alone, whatever the order in which it came.
Callers put ids into the temporary tables first (`touch`).
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable

from stormlog.issues.kinds import severity_rank_sql

__all__ = ["KEPT_FIRST", "KEPT_LAST", "SEVERITY_RANK", "rebuild_issues", "rebuild_occurrences", "touch"]

#: How many pieces of evidence of an occurrence keep their detail.
KEPT_FIRST = 5
KEPT_LAST = 15

#: SQL for the order of severities, the worst first; words that nobody knows come last.
SEVERITY_RANK = severity_rank_sql("severity")

#: SQL for whether a fingerprint came to its issue by a merge that stands.
_IS_MERGED = "(f.issue_id, f.fingerprint_id, f.app_id, f.is_dev) IN (SELECT * FROM temp.merged_fingerprints)"

_TABLES = ("touched_occurrences", "touched_issues")


def touch(
    connection: sqlite3.Connection, *, occurrences: Iterable[str] = (), issues: Iterable[str] = ()
) -> None:
    """Name what has to be worked out again, in place of what was named before."""
    for table, ids in zip(_TABLES, (occurrences, issues), strict=True):
        connection.execute(f"CREATE TEMP TABLE IF NOT EXISTS {table} (id TEXT PRIMARY KEY) WITHOUT ROWID")
        connection.execute(f"DELETE FROM temp.{table}")
        connection.executemany(f"INSERT OR IGNORE INTO temp.{table} VALUES (?)", ((i,) for i in ids))


def rebuild_occurrences(connection: sqlite3.Connection) -> None:
    """Work out touched occurrences from their evidence; one without any is removed."""
    connection.execute(
        """
        DELETE FROM issue_occurrences
        WHERE occurrence_id IN (SELECT id FROM temp.touched_occurrences)
            AND NOT EXISTS (
                SELECT 1 FROM issue_evidence_keys AS k WHERE k.occurrence_id = issue_occurrences.occurrence_id
            )
        """
    )
    connection.execute(
        """
        UPDATE issue_occurrences
        SET (hit_count, first_ns, last_ns) = (
                SELECT count(*), min(k.timestamp_ns), max(k.timestamp_ns)
                FROM issue_evidence_keys AS k
                WHERE k.occurrence_id = issue_occurrences.occurrence_id
            ),
            code_version = (
                SELECT k.code_version
                FROM issue_evidence_keys AS k
                WHERE k.occurrence_id = issue_occurrences.occurrence_id AND k.code_version IS NOT NULL
                ORDER BY k.timestamp_ns DESC, k.evidence_id DESC
                LIMIT 1
            ),
            ranks_json = (
                SELECT CASE WHEN count(*) = 0 THEN '[0]' ELSE json_group_array(r.rank) END
                FROM (
                    SELECT DISTINCT k.rank
                    FROM issue_evidence_keys AS k
                    WHERE k.occurrence_id = issue_occurrences.occurrence_id AND k.rank IS NOT NULL
                    ORDER BY k.rank
                ) AS r
            )
        WHERE occurrence_id IN (SELECT id FROM temp.touched_occurrences)
        """
    )
    connection.execute(
        f"""
        DELETE FROM issue_evidence
        WHERE occurrence_id IN (SELECT id FROM temp.touched_occurrences)
            AND (occurrence_id, evidence_id) IN (
                SELECT occurrence_id, evidence_id
                FROM (
                    SELECT
                        e.occurrence_id,
                        e.evidence_id,
                        row_number() OVER (
                            PARTITION BY e.occurrence_id ORDER BY k.timestamp_ns, k.evidence_id
                        ) AS from_first,
                        row_number() OVER (
                            PARTITION BY e.occurrence_id ORDER BY k.timestamp_ns DESC, k.evidence_id DESC
                        ) AS from_last
                    FROM issue_evidence AS e
                    INNER JOIN issue_evidence_keys AS k
                        ON e.occurrence_id = k.occurrence_id AND e.evidence_id = k.evidence_id
                    WHERE e.occurrence_id IN (SELECT id FROM temp.touched_occurrences)
                ) AS ranked
                WHERE from_first > {KEPT_FIRST} AND from_last > {KEPT_LAST}
            )
        """
    )


def rebuild_issues(connection: sqlite3.Connection, *, now_ns: int) -> None:
    """Work out touched issues from their occurrences and fingerprints, and count up their revision.

    Title, severity and kind are those of the fingerprints that an issue had before others were merged into it.
    """
    _name_merged_fingerprints(connection)
    connection.execute(
        f"""
        UPDATE issues
        SET (occurrence_count, hit_count, run_count, unique_user_count, first_seen_ns, last_seen_ns) = (
                SELECT
                    count(*), coalesce(sum(o.hit_count), 0), count(DISTINCT o.run_id), count(DISTINCT o.user),
                    min(o.first_ns), max(o.last_ns)
                FROM issue_occurrences AS o
                WHERE o.issue_id = issues.issue_id
            ),
            (recurred_count, recurred_last_ns) = (
                SELECT count(DISTINCT k.occurrence_id), max(k.timestamp_ns)
                FROM issue_occurrences AS o
                INNER JOIN issue_evidence_keys AS k ON o.occurrence_id = k.occurrence_id
                WHERE o.issue_id = issues.issue_id AND k.is_recurrence = 1 AND issues.status = 'resolved'
            ),
            first_seen_version = (
                SELECT o.code_version
                FROM issue_occurrences AS o
                WHERE o.issue_id = issues.issue_id AND o.code_version IS NOT NULL
                ORDER BY o.first_ns IS NULL, o.first_ns, o.session_id
                LIMIT 1
            ),
            last_seen_version = (
                SELECT o.code_version
                FROM issue_occurrences AS o
                WHERE o.issue_id = issues.issue_id AND o.code_version IS NOT NULL
                ORDER BY o.last_ns DESC, o.session_id DESC
                LIMIT 1
            ),
            severity = coalesce(
                (
                    SELECT f.severity
                    FROM issue_fingerprints AS f
                    WHERE f.issue_id = issues.issue_id
                    ORDER BY {_IS_MERGED}, {SEVERITY_RANK}, f.severity
                    LIMIT 1
                ),
                severity
            ),
            title = coalesce(
                (
                    SELECT f.title
                    FROM issue_fingerprints AS f
                    WHERE f.issue_id = issues.issue_id
                    ORDER BY {_IS_MERGED}, f.title_ns IS NULL, f.title_ns, f.title_evidence_id
                    LIMIT 1
                ),
                title
            ),
            kind = coalesce(
                (
                    SELECT f.kind
                    FROM issue_fingerprints AS f
                    WHERE f.issue_id = issues.issue_id AND issues.kind = 'unknown' AND NOT {_IS_MERGED}
                    ORDER BY f.kind = 'unknown', f.title_ns IS NULL, f.title_ns, f.title_evidence_id
                    LIMIT 1
                ),
                kind
            ),
            updated_ns = ?,
            revision = revision + 1
        WHERE issue_id IN (SELECT id FROM temp.touched_issues)
        """,
        [now_ns],
    )


def _name_merged_fingerprints(connection: sqlite3.Connection) -> None:
    """Note in ``temp.merged_fingerprints`` which fingerprints came to touched issues by merges that stand."""
    connection.execute(
        "CREATE TEMP TABLE IF NOT EXISTS merged_fingerprints (issue_id TEXT, fingerprint_id TEXT, app_id TEXT, "
        "is_dev INTEGER, PRIMARY KEY (issue_id, fingerprint_id, app_id, is_dev)) WITHOUT ROWID"
    )
    connection.execute("DELETE FROM temp.merged_fingerprints")
    connection.execute(
        """
        INSERT OR IGNORE INTO temp.merged_fingerprints
        SELECT
            m.target_issue_id, json_extract(f.value, '$[0]'), json_extract(f.value, '$[1]'),
            json_extract(f.value, '$[2]')
        FROM temp.touched_issues AS t
        INNER JOIN issue_merges AS m ON m.target_issue_id = t.id AND m.undone_ns IS NULL
        INNER JOIN json_each(m.moved_json, '$.fingerprints') AS f
        """
    )
