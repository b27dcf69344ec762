"""The statements that bring lines of text into ``raw.records``."""

from __future__ import annotations

from collections.abc import Sequence

from stormlog.engine.database.sql_files import quote_literal, view_query
from stormlog.engine.reading.repair import NO_DELIMITER
from stormlog.telemetry.schema import LONGEST_LINE_BYTES

__all__ = [
    "IS_JSON",
    "LOOKS_COMPLETE",
    "PARSED_LINES",
    "deferred_lines_view",
    "insert_shaped",
    "insert_typed",
    "lines_view",
]

#: Lines that this lets pass are parsed; one that is no JSON then stops the whole statement.
LOOKS_COMPLETE = "starts_with(line, '{') AND ends_with(line, '}')"
#: Costs a second parse, and nothing stops.
IS_JSON = f"{LOOKS_COMPLETE} AND json_valid(line)"

#: `telemetry.is_plain_metadata` leaves values with so many brackets to Python. Parsing a very deep one here as well
#: would cost more than all the rest.
_HAS_FEW_BRACKETS = """
    CASE
        WHEN strlen(line) < 1500 THEN true
        ELSE strlen(line) - strlen(replace(replace(line, '{', ''), '[', '')) < 500
    END
"""
#: The lines that reading parses: at a first attempt, and at a second one that no damage stops.
PARSED_LINES = (f"{LOOKS_COMPLETE} AND {_HAS_FEW_BRACKETS}", f"{IS_JSON} AND {_HAS_FEW_BRACKETS}")


def insert_typed(keep: str, view: str = "raw.typed_lines", is_deferred: str = "false") -> str:
    """Return the statement that types every line of ``raw.lines`` with all rules.

    Args:
        keep: SQL for which texts stay.
        view: What to insert the rows of instead.
        is_deferred: SQL for which of them are judged in a second step.
    """
    return f"""
        INSERT INTO raw.records
        SELECT
            piece_id, line_number, NULL, schema_version, session_id, timestamp_ns, event_type, collector, rank,
            allocator_allocated_bytes, allocator_reserved_bytes, allocator_inactive_bytes, device_used_bytes,
            device_total_bytes, device_free_bytes, device_id, backend, severity, collector_health_status,
            is_fragmentation_known, is_valid,
            CASE WHEN {keep} THEN line END, record_id, {is_deferred},
            strlen(line)
        FROM ({view_query(view)})
    """


def insert_shaped(keep: str) -> str:
    """Return the statement that types the lines which have a known shape, and defers all others.

    What is deferred is kept as text and judged in a second step. A line that no second look could find valid is left to
    Python at once.

    Args:
        keep: SQL for which texts stay.
    """
    return f"""
        INSERT INTO raw.records
        SELECT
            piece_id, line_number, shape_id, NULL, NULL, timestamp_ns, event_type, collector, NULL,
            allocator_allocated_bytes, allocator_reserved_bytes, allocator_inactive_bytes, device_used_bytes,
            device_total_bytes, device_free_bytes, device_id, NULL, NULL, NULL, NULL, is_valid,
            CASE WHEN {keep} THEN line END, record_id, NOT is_valid AND may_be_plain, strlen(line)
        FROM ({view_query("raw.shaped_lines")})
    """


def lines_view(paths: Sequence[str], piece_id: str, is_json: str) -> str:
    """Return the view of the lines of some files.

    Args:
        paths: Files, spelled for DuckDB.
        piece_id: SQL for the number of a line's file.
        is_json: Which lines are parsed.
    """
    files = ", ".join(quote_literal(path) for path in paths)
    # Strict: a carriage return or the delimiter within a line stops the scan, and the file is repaired.
    return f"""
        CREATE OR REPLACE VIEW raw.lines AS
        SELECT
            {piece_id} AS piece_id,
            CAST(NULL AS BIGINT) AS line_number,
            line,
            CASE WHEN {is_json} THEN line END AS json_line,
            CAST(NULL AS VARCHAR) AS record_id,
            false AS is_canonical
        FROM read_csv(
            [{files}], columns = {{'line': 'VARCHAR'}}, auto_detect = false, header = false,
            delim = {quote_literal(NO_DELIMITER)}, quote = '', escape = '', comment = '', new_line = '\\n',
            compression = 'none', strict_mode = true, null_padding = false, hive_partitioning = false,
            max_line_size = {LONGEST_LINE_BYTES + 1}
        )
    """


def deferred_lines_view(is_json: str) -> str:
    """Return the view of the lines that are kept because they have no known shape."""
    return f"""
        CREATE OR REPLACE VIEW raw.lines AS
        SELECT
            piece_id, line_number, line, CASE WHEN {is_json} THEN line END AS json_line, record_id,
            false AS is_canonical
        FROM (
            SELECT
                r.piece_id, coalesce(r.line_number, r.rowid - c.first_row + c.first_line) AS line_number,
                r.record AS line, r.record_id
            FROM raw.records AS r
            LEFT JOIN raw.chunks AS c ON r.piece_id = c.piece_id
            WHERE r.is_deferred AND r.record IS NOT NULL
        )
    """
