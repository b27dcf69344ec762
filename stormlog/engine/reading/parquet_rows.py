"""Shows the rows of a Parquet segment as lines of JSON, so that one set of rules judges both.

Promise: a row becomes the line that its writer would have written; a value of another type stays one.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from stormlog.engine.database.sql_files import quote_literal
from stormlog.telemetry import KNOWN_V3_FIELD_SET

if TYPE_CHECKING:
    import duckdb

    from stormlog.engine.database.lazy_schema import Database

__all__ = ["missing_rows", "parquet_lines"]

#: A column cannot lack a key in one row only: null stands for that where null is no value.
_ABSENT_WHEN_NULL = frozenset({"rank", "local_rank", "world_size"})


def parquet_lines(connection: duckdb.DuckDBPyConnection, path: str) -> str:
    """Return a SELECT of ``line_number`` (row from 1) and ``line``; columns that are no fields are left out.

    Raises:
        duckdb.Error: the file is no Parquet file or cannot be read.
    """
    source = f"read_parquet({quote_literal(path)}, hive_partitioning = false)"
    members, number = [], "file_row_number + 1"
    for name, kind, *_ in connection.execute(f"DESCRIBE FROM {source}").fetchall():
        if name.lower() == "file_row_number":
            # A column of the file's own hides the one that DuckDB would count in.
            number = "row_number() OVER ()"
        if name in KNOWN_V3_FIELD_SET:
            value = _metadata_json(kind) if name == "metadata" else f"CAST(to_json({name}) AS VARCHAR)"
            member = f"""concat(', "{name}": ', coalesce({value}, 'null'))"""
            members.append(
                f"CASE WHEN {name} IS NOT NULL THEN {member} END" if name in _ABSENT_WHEN_NULL else member
            )
    # The first comma is one too many.
    joined = f"substr(concat({', '.join(members)}), 3)" if members else "''"
    return f"SELECT {number} AS line_number, concat('{{', {joined}, '}}') AS line FROM {source}"


def missing_rows(database: Database, files: Sequence[tuple[int, str]]) -> dict[int, tuple[int, int]]:
    """Return which files gave another number of rows than their footers state.

    Args:
        database: Its table ``raw.records`` has the rows.
        files: Number and path of each file, the path spelled for DuckDB.

    Returns:
        Number of a file -> (rows read, rows stated). A file whose footer cannot be read is left out.
    """
    import duckdb

    if not files:
        return {}
    paths = ", ".join(quote_literal(path) for _, path in files)
    try:
        rows = database.execute(
            f"""
            SELECT f.piece_id, coalesce(r.row_count, 0), s.num_rows
            FROM (SELECT unnest($ids) AS piece_id, unnest($paths) AS file_name) AS f
            INNER JOIN parquet_file_metadata([{paths}]) AS s ON f.file_name = s.file_name
            LEFT JOIN (
                SELECT piece_id, count(*) AS row_count FROM raw.records
                WHERE list_contains($ids, piece_id) GROUP BY piece_id
            ) AS r ON f.piece_id = r.piece_id
            WHERE coalesce(r.row_count, 0) <> s.num_rows
            """,
            {"ids": [piece_id for piece_id, _ in files], "paths": [path for _, path in files]},
        ).fetchall()
    except (duckdb.InterruptException, duckdb.OutOfMemoryException):
        raise
    except duckdb.Error:
        # One file that is no Parquet file hides all others; whoever read its rows has told of it.
        middle = len(files) // 2
        halves = [files[:middle], files[middle:]] if middle else []
        return {number: counts for half in halves for number, counts in missing_rows(database, half).items()}
    return {piece_id: (read, stated) for piece_id, read, stated in rows}


def _metadata_json(kind: str) -> str:
    if kind == "JSON":
        return "CAST(metadata AS VARCHAR)"
    as_value = "CAST(to_json(metadata) AS VARCHAR)"
    return (
        f"CASE WHEN json_valid(metadata) THEN metadata ELSE {as_value} END" if kind == "VARCHAR" else as_value
    )
