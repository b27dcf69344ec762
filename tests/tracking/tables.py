"""What a tracker holds, without what differs between two that saw the same: ids, clocks and revisions."""

from __future__ import annotations

from typing import Any

from stormlog.tracking import Tracker

#: An issue is known by its project, and the first of its fingerprints with app and kind of run.
_ISSUE = """
    (SELECT min(p.name || ' ' || a.name || ' ' || f.is_dev || ' ' || f.fingerprint_id)
     FROM issue_fingerprints AS f
     INNER JOIN apps AS a ON a.app_id = f.app_id
     INNER JOIN projects AS p ON p.project_id = a.project_id
     WHERE f.issue_id = {issue_id})
"""

_QUERIES = {
    "issues": f"""
        SELECT {_ISSUE.format(issue_id="i.issue_id")} AS issue, i.is_dev, i.kind, i.status, i.title, i.severity,
            i.fix_version, i.ignore_until_json, i.assignee, i.occurrence_count, i.hit_count, i.run_count,
            i.unique_user_count, i.recurred_count, i.recurred_last_ns, i.first_seen_ns, i.last_seen_ns,
            i.first_seen_version, i.last_seen_version
        FROM issues AS i ORDER BY 1
    """,
    "fingerprints": f"""
        SELECT f.fingerprint_id, a.name, f.is_dev, {_ISSUE.format(issue_id="f.issue_id")}, f.kind, f.schema_version,
            f.dimensions_json, f.severity, f.title, f.title_ns, f.title_evidence_id
        FROM issue_fingerprints AS f INNER JOIN apps AS a ON a.app_id = f.app_id ORDER BY 1, 2, 3
    """,
    "occurrences": f"""
        SELECT {_ISSUE.format(issue_id="o.issue_id")} AS issue, o.session_id, o.run_id, o.host, o.user, o.environment,
            o.code_version, o.ranks_json, o.first_ns, o.last_ns, o.hit_count
        FROM issue_occurrences AS o ORDER BY 1, 2
    """,
    "evidence_keys": f"""
        SELECT {_ISSUE.format(issue_id="o.issue_id")} AS issue, o.session_id, k.evidence_id, k.fingerprint_id,
            k.timestamp_ns, k.rank, k.code_version, k.is_recurrence
        FROM issue_evidence_keys AS k INNER JOIN issue_occurrences AS o ON o.occurrence_id = k.occurrence_id
        ORDER BY 1, 2, 3
    """,
    "evidence": f"""
        SELECT {_ISSUE.format(issue_id="o.issue_id")} AS issue, o.session_id, e.evidence_id, e.source_kind,
            e.event_type, e.source_path, e.bundle_path, e.metadata_json
        FROM issue_evidence AS e INNER JOIN issue_occurrences AS o ON o.occurrence_id = e.occurrence_id
        ORDER BY 1, 2, 3
    """,
    "comments": f"""
        SELECT {_ISSUE.format(issue_id="c.issue_id")} AS issue, c.author_type, c.author_id, c.author_name, c.body
        FROM issue_comments AS c ORDER BY 1, c.created_ns, c.body
    """,
    "versions": """
        SELECT a.name, v.version, v.first_event_ns
        FROM code_versions AS v INNER JOIN apps AS a ON a.app_id = v.app_id ORDER BY 1, 2
    """,
    "files": """
        SELECT path, kind, size_bytes, consumed_bytes, head_sha256, tail_sha256, line_count, skipped_count, is_pending,
            options_json
        FROM scan_sources ORDER BY 1
    """,
}


def tables(tracker: Tracker) -> dict[str, list[tuple[Any, ...]]]:
    """Return table -> rows."""
    with tracker.store.reading() as connection:
        return {name: [tuple(row) for row in connection.execute(query)] for name, query in _QUERIES.items()}


def everything(tracker: Tracker) -> dict[str, list[tuple[Any, ...]]]:
    """Return every row of every table as it is."""
    with tracker.store.reading() as connection:
        names = [
            name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
        ]
        return {
            name: sorted(map(repr, map(tuple, connection.execute(f"SELECT * FROM {name}")))) for name in names
        }
