"""What a file or a directory of each format has to be able to do."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple, Protocol

if TYPE_CHECKING:
    import pyarrow

    from stormlog.engine import Settings
    from stormlog.exporting.tables import ExportTable

__all__ = ["DIGEST_BITS", "Content", "Writer", "open_writer"]

#: Digests of rows are added up to numbers of so many bits.
DIGEST_BITS = 64


class Content(NamedTuple):
    """What a table holds: two that differ are not of the same rows.

    Attributes:
        row_count: Its rows.
        digest: The sum of the digests of its rows, in whatever order they come.
    """

    row_count: int
    digest: int


class Writer(Protocol):
    """Writes tables one after the other, and reads them again.

    Errors are those of the libraries: `stormlog.exporting.files` says what they mean.
    """

    def value(self, expression: str, kind: str) -> str:
        """Return SQL for a value as the file holds it.

        Args:
            expression: SQL for the value.
            kind: Its type, as DuckDB writes it.
        """

    def write(
        self, table: ExportTable, schema: pyarrow.Schema, batches: Iterator[pyarrow.RecordBatch]
    ) -> None:
        """Write a table while its rows are read."""

    def finish(self) -> None:
        """Complete the file."""

    def content(self, table: ExportTable) -> Content:
        """Return what a table of the finished file holds, as a reader finds it."""

    def close(self) -> None:
        """Let go of the file, finished or not; more than once is fine."""


def open_writer(format_name: str, place: str, settings: Settings, spill: str) -> Writer:
    """Return a writer of one format.

    Args:
        format_name: ``duckdb``, ``sqlite`` or ``parquet``.
        place: The file, or the directory, that it makes.
        settings: How much of the machine to use.
        spill: Where to put what does not fit into memory.
    """
    if format_name == "duckdb":
        from stormlog.exporting.duckdb_file import DuckdbWriter

        return DuckdbWriter(place, settings, spill)
    if format_name == "sqlite":
        from stormlog.exporting.sqlite_file import SqliteWriter

        return SqliteWriter(place, settings, spill)
    from stormlog.exporting.parquet_files import ParquetWriter

    return ParquetWriter(place, settings, spill)
