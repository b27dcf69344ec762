"""Rows of a statement as Parquet and Arrow files, a batch at a time."""

from __future__ import annotations

from collections.abc import Iterator
from typing import IO, TYPE_CHECKING

from stormlog.errors import QueryError

if TYPE_CHECKING:
    import pyarrow

__all__ = ["BINARY_FORMATS", "RowLimit", "write_batches"]

#: Formats of files that are no text.
BINARY_FORMATS = ("parquet", "arrow")


class RowLimit:
    """How many rows there may be.

    Args:
        most: That many; None for all.

    Attributes:
        was_reached: Whether there was another row.
        row_count: Rows that came through.
    """

    def __init__(self, most: int | None) -> None:
        self.most = most
        self.was_reached = False
        self.row_count = 0

    def left(self, count: int) -> int:
        """Count rows that are there, and return how many of them may be taken."""
        taken = count if self.most is None else min(count, self.most - self.row_count)
        self.was_reached = self.was_reached or taken < count
        self.row_count += taken
        return taken


def write_batches(
    reader: pyarrow.RecordBatchReader, stream: IO[bytes], format_name: str, limit: RowLimit
) -> None:
    """Write batches of rows while they are read; without rows the file has its columns.

    Args:
        reader: The rows.
        stream: The file.
        format_name: One of `BINARY_FORMATS`.
        limit: How many rows to write.

    Raises:
        QueryError: the format cannot hold a type, or the statement failed.
        OSError: the file cannot be written.
    """
    import pyarrow

    batches = _limited(reader, limit)
    try:
        if format_name == "arrow":
            import pyarrow.ipc

            with pyarrow.ipc.new_file(stream, reader.schema) as arrow_file:
                for batch in batches:
                    arrow_file.write_batch(batch)
        else:
            import pyarrow.parquet

            from stormlog.engine import grouped_batches

            with pyarrow.parquet.ParquetWriter(stream, reader.schema, compression="zstd") as parquet_file:
                for table in grouped_batches(batches, reader.schema):
                    parquet_file.write_table(table)
    except pyarrow.ArrowException as error:
        raise QueryError(
            f"{format_name} cannot hold these rows: {error}; cast the column, for example to VARCHAR",
            statement="sql",
        ) from error


def _limited(reader: pyarrow.RecordBatchReader, limit: RowLimit) -> Iterator[pyarrow.RecordBatch]:
    for batch in reader:
        taken = limit.left(batch.num_rows)
        if taken:
            yield batch.slice(0, taken)
        if limit.was_reached:
            return
