"""Reads Parquet segments that have the columns compaction writes, many files in one statement.

Promise: their typed columns go where typed lines go, under the same rules; a row in doubt is rendered to
the text of its line and judged like any other. Files with other columns are left to
`stormlog.engine.reading.parquet_rows`.

Source: docs/compaction.md#files.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from stormlog.engine.database.sql_files import quote_literal
from stormlog.engine.reading.line_sql import insert_typed

if TYPE_CHECKING:
    from stormlog.engine.database.lazy_schema import Database

__all__ = ["SEGMENT_COLUMNS", "TEXT_COLUMN", "insert_typed_parquet"]

#: Text of a record that its columns cannot give back byte by byte; NULL in all other rows.
TEXT_COLUMN = "record"

#: The columns of a segment, in order, and their types.
SEGMENT_COLUMNS = {
    "allocator_active_bytes": "BIGINT",
    "allocator_allocated_bytes": "BIGINT",
    "allocator_change_bytes": "BIGINT",
    "allocator_inactive_bytes": "BIGINT",
    "allocator_reserved_bytes": "BIGINT",
    "collector": "VARCHAR",
    "context": "VARCHAR",
    "device_free_bytes": "BIGINT",
    "device_id": "BIGINT",
    "device_total_bytes": "BIGINT",
    "device_used_bytes": "BIGINT",
    "event_type": "VARCHAR",
    "host": "VARCHAR",
    "job_id": "VARCHAR",
    "local_rank": "BIGINT",
    # Not JSON: one bad text in a column of that type makes the whole file unreadable.
    "metadata": "VARCHAR",
    "pid": "BIGINT",
    "rank": "BIGINT",
    "sampling_interval_ms": "BIGINT",
    "schema_version": "BIGINT",
    "session_id": "VARCHAR",
    "timestamp_ns": "BIGINT",
    "world_size": "BIGINT",
    TEXT_COLUMN: "VARCHAR",
}

#: Files of one statement: more save nothing, and their distinct metadata is held in memory meanwhile.
_FILES_AT_A_TIME = 256
_BYTES_AT_A_TIME = 8 * 1024 * 1024

#: Metadata that this lets pass is parsed; one that is no JSON then stops the whole statement.
_LOOKS_COMPLETE = "starts_with(metadata, '{') AND ends_with(metadata, '}')"
_IS_JSON = f"{_LOOKS_COMPLETE} AND json_valid(metadata)"

#: The lines of a line file have no number until they are counted: these are rows of Parquet files.
_IS_DEFERRED_ROW = "is_deferred AND line_number IS NOT NULL"

_DEFERRED_ROWS_VIEW = f"""
CREATE OR REPLACE VIEW raw.lines AS
SELECT
    piece_id, line_number, record AS line, CASE WHEN json_valid(record) THEN record END AS json_line,
    record_id, false AS is_canonical
FROM raw.records WHERE {_IS_DEFERRED_ROW}
"""


def insert_typed_parquet(database: Database, files: Sequence[tuple[int, str]], *, keep_all: bool) -> set[int]:
    """Insert the rows of segments into ``raw.records``.

    Args:
        database: Where to put them.
        files: Number and path of each file, the path spelled for DuckDB.
        keep_all: Keep the text of every record, not only of those that issues need.

    Returns:
        Numbers of the files whose rows were inserted; the others have other columns or are damaged.
    """
    keep = "true" if keep_all else "is_needed OR NOT is_valid"
    # Rows are as typed as those of lines; what is only text is deferred.
    statement = insert_typed(keep, "raw.typed_parquet", "is_deferred")
    inserted: set[int] = set()
    for batch in _batches(files):
        inserted.update(_insert(database, _typed_files(database, batch), keep_all, statement))
    if (
        inserted
        and database.execute(f"SELECT 1 FROM raw.records WHERE {_IS_DEFERRED_ROW} LIMIT 1").fetchone()
    ):
        database.execute(_DEFERRED_ROWS_VIEW)
        database.execute(insert_typed(keep))
        database.execute(f"DELETE FROM raw.records WHERE {_IS_DEFERRED_ROW}")
    return inserted


def _batches(files: Sequence[tuple[int, str]]) -> Iterator[list[tuple[int, str]]]:
    batch: list[tuple[int, str]] = []
    size = 0
    for file in files:
        batch.append(file)
        # What cannot be looked at is reported by those who read it.
        with contextlib.suppress(OSError):
            size += os.stat(file[1]).st_size
        if len(batch) == _FILES_AT_A_TIME or size >= _BYTES_AT_A_TIME:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


def _rows_view(files: Sequence[tuple[int, str]], is_json: str, keep_all: bool) -> str:
    columns = ", ".join(SEGMENT_COLUMNS)
    return f"""
        CREATE OR REPLACE VIEW raw.parquet_rows AS
        SELECT
            *, CASE WHEN {TEXT_COLUMN} IS NULL AND {is_json} THEN metadata END AS json_metadata,
            {str(keep_all).lower()} AS keeps_all
        FROM (SELECT {_place(files)}, {columns} FROM {_source(files)})
    """


def _place(files: Sequence[tuple[int, str]]) -> str:
    ids = [piece_id for piece_id, _ in files]
    number = (
        f"CAST(file_index + {ids[0]} AS INTEGER)"
        if ids == list(range(ids[0], ids[0] + len(ids)))
        else f"CAST({ids!r}[CAST(file_index + 1 AS BIGINT)] AS INTEGER)"
    )
    return f"{number} AS piece_id, file_row_number + 1 AS line_number"


def _source(files: Sequence[tuple[int, str]]) -> str:
    return f"read_parquet({_list(files)}, hive_partitioning = false)"


def _list(files: Sequence[tuple[int, str]]) -> str:
    return f"[{', '.join(quote_literal(path) for _, path in files)}]"


def _typed_files(database: Database, files: Sequence[tuple[int, str]]) -> list[tuple[int, str]]:
    """Return the files that have exactly the columns of `SEGMENT_COLUMNS`."""
    import duckdb

    # The first row of a schema is its root.
    text = f"""
        SELECT file_name FROM parquet_schema({_list(files)})
        GROUP BY file_name
        HAVING list(concat(name, ' ', duckdb_type) ORDER BY column_id)[2:] = $columns
            AND count(*) FILTER (WHERE repetition_type IN ('REQUIRED', 'OPTIONAL')) >= count(*) - 1
    """
    columns = [f"{name} {kind}" for name, kind in SEGMENT_COLUMNS.items()]
    try:
        found = {name for (name,) in database.execute(text, {"columns": columns}).fetchall()}
    except (duckdb.InterruptException, duckdb.OutOfMemoryException):
        raise
    except duckdb.Error:
        # One file that is no Parquet file hides all others.
        return [file for half in _halves(files) for file in _typed_files(database, half)]
    return [(piece_id, path) for piece_id, path in files if path in found]


def _insert(
    database: Database, files: Sequence[tuple[int, str]], keep_all: bool, statement: str
) -> list[int]:
    """Insert the rows of files; return the numbers of those of which DuckDB refuses no row or page."""
    import duckdb

    if not files:
        return []
    # Before the view is replaced: the first statement that names it would put the empty one in its place.
    database.require(["raw.parquet_rows"])
    for is_json in (_LOOKS_COMPLETE, _IS_JSON):
        try:
            database.execute(_rows_view(files, is_json, keep_all))
            database.execute(statement)
            return [piece_id for piece_id, _ in files]
        except (duckdb.InterruptException, duckdb.OutOfMemoryException):
            raise
        except duckdb.Error as error:
            if "Malformed JSON" not in str(error):
                break
    return [piece_id for half in _halves(files) for piece_id in _insert(database, half, keep_all, statement)]


def _halves(files: Sequence[tuple[int, str]]) -> list[Sequence[tuple[int, str]]]:
    middle = len(files) // 2
    return [files[:middle], files[middle:]] if middle else []
