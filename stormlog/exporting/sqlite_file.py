"""An export as a SQLite database, written and read by Python's own ``sqlite3``.

Promise: a value that SQLite has no type for is text that says all of it, or NULL for NaN, which no text stands for in
sums. Source: docs/export.md#types.
"""

from __future__ import annotations

import contextlib
import re
import sqlite3
from collections.abc import Iterator
from typing import TYPE_CHECKING

from stormlog.engine import connect, quote_identifier
from stormlog.exporting.duckdb_file import content_of
from stormlog.exporting.writers import DIGEST_BITS, Content

if TYPE_CHECKING:
    import pyarrow

    from stormlog.engine import Settings
    from stormlog.exporting.tables import ExportTable

__all__ = ["SqliteWriter"]

_INTEGERS = {"TINYINT", "SMALLINT", "INTEGER", "BIGINT", "UTINYINT", "USMALLINT", "UINTEGER", "BOOLEAN"}
_FLOATS = {"FLOAT", "DOUBLE"}
_NESTED = re.compile(r"\]$|^(?:STRUCT|MAP|UNION)\(|^VARIANT$")
#: Rows that are read at a time.
_BATCH_ROWS = 10_000


class SqliteWriter:
    """Writes and reads one database; see `stormlog.exporting.writers.Writer`."""

    def __init__(self, place: str, settings: Settings, spill: str) -> None:
        self._place = place
        self._schemas: dict[str, pyarrow.Schema] = {}
        self._adding = connect(settings, spill)
        # Nobody else sees the file before it is complete: a failure removes it, and it is made durable at the end.
        self._connection = sqlite3.connect(place, isolation_level=None)
        self._connection.executescript("PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; BEGIN;")

    def value(self, expression: str, kind: str) -> str:
        """Return the value as an integer, a number, a text or bytes."""
        if kind in _INTEGERS:
            return f"CAST({expression} AS BIGINT)"
        if kind in _FLOATS:
            return f"CASE WHEN NOT isnan({expression}) THEN CAST({expression} AS DOUBLE) END"
        if kind in ("VARCHAR", "BLOB"):
            return expression
        if kind == "TIMESTAMP_NS":
            return f"strftime({expression}, '%Y-%m-%dT%H:%M:%S.%nZ')"
        if _NESTED.search(kind):
            return f"CAST(to_json({expression}) AS VARCHAR)"
        return f"CAST({expression} AS VARCHAR)"

    def write(
        self, table: ExportTable, schema: pyarrow.Schema, batches: Iterator[pyarrow.RecordBatch]
    ) -> None:
        """Write a table."""
        self._schemas[table.name] = schema
        name = quote_identifier(table.name)
        columns = [f"{quote_identifier(field.name)} {_affinity(field.type)}" for field in schema]
        self._connection.execute(f"CREATE TABLE {name} ({', '.join(columns)})")
        insert = f"INSERT INTO {name} VALUES ({', '.join('?' * len(schema))})"
        for batch in batches:
            values = [column.to_pylist() for column in batch.columns]
            self._connection.executemany(insert, zip(*values, strict=True))

    def finish(self) -> None:
        """Write what is still in memory."""
        self._connection.execute("COMMIT")
        self._connection.close()
        self._connection = sqlite3.connect(self._place)

    def content(self, table: ExportTable) -> Content:
        """Return what a table holds."""
        import pyarrow

        columns = ", ".join(map(quote_identifier, table.names))
        cursor = self._connection.execute(f"SELECT {columns} FROM {quote_identifier(table.name)}")
        row_count = digest = 0
        schema = self._schemas[table.name]
        while rows := cursor.fetchmany(_BATCH_ROWS):
            values = [
                pyarrow.array(column, field.type)
                for field, column in zip(schema, zip(*rows, strict=True), strict=True)
            ]
            self._adding.register("batch", pyarrow.Table.from_arrays(values, schema=schema))
            found = content_of(self._adding, table, "batch")
            row_count += found.row_count
            digest += found.digest
        return Content(row_count, digest % (1 << DIGEST_BITS))

    def close(self) -> None:
        """Close the database."""
        with contextlib.suppress(sqlite3.Error):
            self._connection.close()
        self._adding.close()


def _affinity(kind: pyarrow.DataType) -> str:
    """Return what SQLite calls the values of a column."""
    return {"int64": "INTEGER", "double": "REAL", "binary": "BLOB"}.get(str(kind), "TEXT")
