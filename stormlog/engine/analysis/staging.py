"""Works out what the views of issues rest on: once per batch of files, and once per question after that.

Promise: sets are SQL. Python sees distinct texts, distinct groups of dimensions, the sums of a session and
the findings made of them; never the events themselves.
"""

from __future__ import annotations

import json
from functools import cache
from typing import TYPE_CHECKING

from stormlog.engine.analysis.hidden_memory import FindingStore, stage_gaps

if TYPE_CHECKING:
    from stormlog.engine.analysis.staging_database import StagingDatabase

__all__ = [
    "stage_all_spans",
    "stage_batch",
    "stage_failures",
    "stage_issues",
    "stage_runs",
    "stage_sessions",
]


def stage_batch(database: StagingDatabase) -> None:
    """Work out what the last batch adds: events that are evidence of something, and sums of sessions.

    ``stage.fresh_hits`` is empty before.
    """
    database.materialise("raw.candidate_events")
    if database.has_rows("raw.candidate_events"):
        database.materialise("stage.distinct_texts")
        _normalise_in_python(database)
        database.materialise("stage.fresh_hits")
    database.materialise("stage.fresh_session_parts")


def stage_sessions(database: StagingDatabase) -> None:
    """Describe the sessions that were read."""
    database.materialise("stage.loaded_sessions")


def stage_issues(database: StagingDatabase, findings: FindingStore) -> None:
    """Find every kind of evidence and give each group of dimensions its fingerprint."""
    stage_gaps(database, findings)
    database.materialise("stage.hit_keys")
    _stage_fingerprints(database)
    database.materialise("stage.hits")
    _empty(database, "stage.hit_keys", "stage.normal_dimensions")


def stage_runs(database: StagingDatabase) -> None:
    """Find out which sessions belong to which attempt of which run."""
    database.materialise("stage.rank_sessions", "stage.run_members", "stage.session_attempts")


def stage_failures(database: StagingDatabase) -> None:
    """Find out how ranks failed."""
    database.materialise("stage.rank_failures")


def stage_all_spans(database: StagingDatabase) -> None:
    """Replay the phases of every session and rank."""
    from stormlog.engine.analysis.phase_spans import replay

    database.replace(
        "stage.replay_scope",
        """
        SELECT DISTINCT source_id, session_id, rank FROM raw.events WHERE event_type IN ('phase_enter', 'phase_exit')
        """,
    )
    replay(database)


def _normalise_in_python(database: StagingDatabase) -> None:
    """Normalise the texts that SQL leaves open: other alphabets, and values that are not texts."""
    rows = database.execute(
        "SELECT json_value FROM stage.distinct_texts WHERE normal_text IS NULL"
    ).fetchall()
    if not rows:
        return
    from stormlog.issues import normalize_text_dimension

    normal = [(text, normalize_text_dimension(json.loads(text), default="")) for (text,) in rows]
    database.fill("stage.normal_texts", "VARCHAR, VARCHAR", normal)
    database.replace(
        "stage.distinct_texts",
        """
        SELECT json_value, normal_text FROM stage.distinct_texts WHERE normal_text IS NOT NULL
        UNION ALL
        SELECT json_value, normal_text FROM stage.normal_texts
        """,
    )
    _empty(database, "stage.normal_texts")


def _stage_fingerprints(database: StagingDatabase) -> None:
    from stormlog.issues import normalize_dimensions, normalize_text_dimension
    from stormlog.issues.models import canonical_json

    found = database.execute(
        """
        SELECT dimension_key
        FROM (SELECT DISTINCT dimension_key FROM stage.hit_keys) AS k
        WHERE NOT issues.is_canonical_dimensions(dimension_key)
        """
    ).fetchall()
    # Groups share most of their texts.
    normalize_text = cache(normalize_text_dimension)
    dimensions = [
        (key, canonical_json(normalize_dimensions(json.loads(key), normalize_text=normalize_text)))
        for (key,) in found
    ]
    database.fill("stage.normal_dimensions", "VARCHAR, VARCHAR", dimensions)
    database.replace(
        "stage.fingerprints",
        """
        SELECT kind, dimension_key, issues.fingerprint_id(kind, dimensions) AS fingerprint_id, dimensions
        FROM (
            SELECT g.kind, g.dimension_key, coalesce(d.dimensions, g.dimension_key) AS dimensions
            FROM (SELECT DISTINCT kind, dimension_key FROM stage.hit_keys) AS g
            LEFT JOIN stage.normal_dimensions AS d ON g.dimension_key = d.dimension_key
        ) AS n
        """,
    )


def _empty(database: StagingDatabase, *tables: str) -> None:
    """Give back the memory of tables that nothing selects from any more."""
    for table in tables:
        database.replace(table, f"SELECT * FROM {table} LIMIT 0")
