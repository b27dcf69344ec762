"""Works out, once per reading, what the views of issues rest on.

Promise: sets are SQL. Python sees distinct texts, distinct groups of dimensions, the sums of a session and
the findings made of them; never the events themselves.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from stormlog.query.gap_staging import stage_gaps
from stormlog.query.library import load_library

if TYPE_CHECKING:
    import duckdb

__all__ = ["materialise", "stage_all_spans", "stage_hits", "stage_issues", "stage_sessions", "unnest_into"]


def materialise(connection: duckdb.DuckDBPyConnection, *tables: str) -> None:
    """Fill the tables of materialised views from their views."""
    views = {file.table_name: file.name for file in load_library() if file.is_materialised}
    for table in tables:
        connection.execute(f"CREATE OR REPLACE TABLE {table} AS SELECT * FROM {views[table]}")


def unnest_into(
    connection: duckdb.DuckDBPyConnection, table: str, types: str, rows: list[tuple[Any, ...]]
) -> None:
    """Replace the rows of a small table, whole columns at a time."""
    connection.execute(f"DELETE FROM {table}")
    if rows:
        columns = [list(column) for column in zip(*rows, strict=True)]
        unnested = ", ".join(f"unnest(CAST(? AS {kind}[]))" for kind in types.split(", "))
        connection.execute(f"INSERT INTO {table} SELECT {unnested}", columns)


def stage_sessions(connection: duckdb.DuckDBPyConnection) -> None:
    """Describe the sessions that were read."""
    materialise(connection, "stage.loaded_sessions")


def stage_hits(connection: duckdb.DuckDBPyConnection) -> None:
    """Find the events that are evidence of something."""
    materialise(connection, "stage.candidate_events", "stage.distinct_texts")
    _normalise_in_python(connection)
    materialise(connection, "stage.event_hits")


def stage_issues(connection: duckdb.DuckDBPyConnection) -> None:
    """Find every kind of evidence and give each group of dimensions its fingerprint."""
    stage_hits(connection)
    stage_gaps(connection)
    _stage_fingerprints(connection)
    materialise(connection, "stage.hits")


def stage_all_spans(connection: duckdb.DuckDBPyConnection) -> None:
    """Replay the phases of every session and rank."""
    from stormlog.query.phase_staging import replay

    connection.execute(
        """
        CREATE OR REPLACE TABLE stage.replay_scope AS
        SELECT DISTINCT source_id, session_id, rank FROM events WHERE event_type IN ('phase_enter', 'phase_exit')
        """
    )
    replay(connection)


def _normalise_in_python(connection: duckdb.DuckDBPyConnection) -> None:
    """Normalise the texts that SQL leaves open: other alphabets, and values that are not texts."""
    rows = connection.execute("SELECT json_value FROM stage.distinct_texts WHERE normal_text IS NULL").fetchall()
    if not rows:
        return
    from stormlog.issues.normalize import normalize_text_dimension

    texts = [text for (text,) in rows]
    normal = [normalize_text_dimension(json.loads(text), default="") for text in texts]
    connection.execute("DELETE FROM stage.distinct_texts WHERE normal_text IS NULL")
    connection.execute(
        "INSERT INTO stage.distinct_texts SELECT unnest(CAST(? AS VARCHAR[])), unnest(CAST(? AS VARCHAR[]))",
        [texts, normal],
    )


def _stage_fingerprints(connection: duckdb.DuckDBPyConnection) -> None:
    from stormlog.issues.models import IssueFingerprint

    groups = connection.execute(
        "SELECT DISTINCT kind, dimension_key FROM stage.evidence ORDER BY kind, dimension_key"
    ).fetchall()
    rows = []
    for kind, key in groups:
        fingerprint = IssueFingerprint(kind, json.loads(key))
        dimensions = json.dumps(
            fingerprint.as_dict()["dimensions"], sort_keys=True, separators=(",", ":"), ensure_ascii=True
        )
        rows.append((kind, key, fingerprint.fingerprint_id, dimensions))
    unnest_into(connection, "stage.fingerprints", "VARCHAR, VARCHAR, VARCHAR, VARCHAR", rows)
