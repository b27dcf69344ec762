"""Where the telemetry lies that an issue was seen in, as the scans of its project found it."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass
from typing import Final

__all__ = ["IssueSources", "issue_sources"]

#: The telemetry of a whole project is named if it is not larger: reading more takes long.
_MOST_BYTES: Final = 2 << 30
_MOST_SOURCES: Final = 1000


@dataclass(frozen=True)
class IssueSources:
    """Sinks, files and bundles that scans have read; they may have been deleted or moved since.

    Attributes:
        with_evidence: Those with evidence of the issue, sorted.
        others: The others of the project without evidence of an issue with the same fingerprint, sorted; empty if the
            project has more than 2 GiB or 1,000 sources.
    """

    with_evidence: tuple[str, ...]
    others: tuple[str, ...]


def issue_sources(connection: sqlite3.Connection, project_id: str, issue_id: str) -> IssueSources:
    """Return where an issue was seen, by its full id."""
    rows = connection.execute(
        """
        WITH places AS (
            SELECT DISTINCT e.source_path AS path
            FROM issue_evidence AS e
            INNER JOIN issue_occurrences AS o ON e.occurrence_id = o.occurrence_id
            WHERE o.issue_id = :issue_id AND e.source_path IS NOT NULL
        ),

        -- Of another training program, or of development: their hits are not this issue's.
        places_of_namesakes AS (
            SELECT DISTINCT e.source_path AS path
            FROM issue_fingerprints AS f
            INNER JOIN issue_fingerprints AS n ON f.fingerprint_id = n.fingerprint_id AND f.issue_id <> n.issue_id
            INNER JOIN issue_occurrences AS o ON n.issue_id = o.issue_id
            INNER JOIN issue_evidence AS e ON o.occurrence_id = e.occurrence_id
            WHERE f.issue_id = :issue_id AND e.source_path IS NOT NULL
        ),

        sources AS (
            SELECT
                s.source_path AS path,
                sum(s.size_bytes) AS size_bytes,
                max(s.path IN (SELECT path FROM places) OR s.source_path IN (SELECT path FROM places)) AS has_evidence,
                max(
                    s.path IN (SELECT path FROM places_of_namesakes)
                    OR s.source_path IN (SELECT path FROM places_of_namesakes)
                ) AS is_of_namesake
            FROM scan_sources AS s
            WHERE s.project_id = :project_id
            GROUP BY s.source_path
        ),

        unlisted_places AS (
            SELECT path
            FROM places
            WHERE path NOT IN (SELECT source_path FROM scan_sources WHERE project_id = :project_id)
                AND path NOT IN (SELECT path FROM scan_sources WHERE project_id = :project_id)
        )

        SELECT path, size_bytes, has_evidence, is_of_namesake FROM sources
        UNION ALL
        SELECT path, 0, 1, 0 FROM unlisted_places
        ORDER BY path
        """,
        {"project_id": project_id, "issue_id": issue_id},
    ).fetchall()
    with_evidence = tuple(path for path, _, has_evidence, _ in rows if has_evidence)
    others = tuple(
        path for path, _, has_evidence, is_of_namesake in rows if not (has_evidence or is_of_namesake)
    )
    if sum(size for _, size, _, _ in rows) > _MOST_BYTES or len(rows) > _MOST_SOURCES:
        others = ()
    return IssueSources(with_evidence, others)
