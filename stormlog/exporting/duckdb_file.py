"""An export as a DuckDB database: the types of the views, and comments on tables and columns."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import TYPE_CHECKING

from stormlog.engine import connect, quote_identifier, quote_literal
from stormlog.exporting.tables import row_digest
from stormlog.exporting.writers import DIGEST_BITS, Content

if TYPE_CHECKING:
    import duckdb
    import pyarrow

    from stormlog.engine import Settings
    from stormlog.exporting.tables import ExportTable

__all__ = ["DuckdbWriter", "content_of"]

#: Every DuckDB from this version on can read the file; what newer ones write by default is for themselves alone.
_STORAGE_VERSION = "v1.0.0"
#: Rows that are compressed together: the usual six times as many take hundreds of megabytes where rows are texts.
_GROUP_ROWS = 20_480


class DuckdbWriter:
    """Writes and reads one database; see `stormlog.exporting.writers.Writer`."""

    def __init__(self, place: str, settings: Settings, spill: str) -> None:
        self._place, self._settings, self._spill = place, settings, spill
        options = f"STORAGE_VERSION {quote_literal(_STORAGE_VERSION)}, ROW_GROUP_SIZE {_GROUP_ROWS}"
        self._connection = self._attached(options)
        self._connection.execute("BEGIN TRANSACTION")

    def _attached(self, options: str) -> duckdb.DuckDBPyConnection:
        connection = connect(self._settings, self._spill)
        try:
            connection.execute(f"ATTACH {quote_literal(self._place)} AS export ({options})")
        except BaseException:
            connection.close()
            raise
        return connection

    def value(self, expression: str, kind: str) -> str:  # noqa: ARG002
        """Return the value as it is."""
        return expression

    def write(
        self,
        table: ExportTable,
        schema: pyarrow.Schema,  # noqa: ARG002
        batches: Iterator[pyarrow.RecordBatch],
    ) -> None:
        """Write a table, and what it and its columns mean."""
        import pyarrow

        name = f"export.{quote_identifier(table.name)}"
        columns = [f"{quote_identifier(column.name)} {column.type}" for column in table.columns]
        self._connection.execute(f"CREATE TABLE {name} ({', '.join(columns)})")
        self._connection.execute(f"COMMENT ON TABLE {name} IS {quote_literal(table.meaning)}")
        for column in table.columns:
            self._connection.execute(
                f"COMMENT ON COLUMN {name}.{quote_identifier(column.name)} IS {quote_literal(column.meaning)}"
            )
        for batch in batches:
            # What is registered under a name would be kept until the transaction ends.
            self._connection.from_arrow(pyarrow.Table.from_batches([batch])).insert_into(
                f"export.{table.name}"
            )

    def finish(self) -> None:
        """Write what is still in memory."""
        self._connection.execute("COMMIT")
        self._connection.execute("DETACH export")
        self._connection.close()
        self._connection = self._attached("READ_ONLY")

    def content(self, table: ExportTable) -> Content:
        """Return what a table holds."""
        return content_of(self._connection, table, f"export.{quote_identifier(table.name)}")

    def close(self) -> None:
        """Close the database."""
        with contextlib.suppress(Exception):
            self._connection.close()


def content_of(connection: duckdb.DuckDBPyConnection, table: ExportTable, source: str) -> Content:
    """Return what some rows with the columns of a table hold.

    Args:
        connection: Where they are.
        table: Whose columns they have.
        source: What stands behind FROM.
    """
    ((row_count, digest),) = connection.execute(
        f"SELECT count(*), coalesce(sum({row_digest(table.names)}), 0) % {1 << DIGEST_BITS} FROM {source}"
    ).fetchall()
    return Content(int(row_count), int(digest))
