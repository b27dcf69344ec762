"""An export as a directory of Parquet files, one for each table, with what these mean in their metadata."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from stormlog.engine import arrow_value, connect, grouped_batches, quote_literal
from stormlog.exporting.duckdb_file import content_of

if TYPE_CHECKING:
    import pyarrow

    from stormlog.engine import Settings
    from stormlog.exporting.tables import ExportTable
    from stormlog.exporting.writers import Content

__all__ = ["METADATA_KEY", "ParquetWriter"]

#: Key of the metadata of a file: a JSON object with ``table``, ``meaning`` and ``columns`` (name -> meaning).
METADATA_KEY = "stormlog"


class ParquetWriter:
    """Writes and reads one directory; see `stormlog.exporting.writers.Writer`."""

    def __init__(self, place: str, settings: Settings, spill: str) -> None:
        self._place = place
        Path(place).mkdir()
        self._connection = connect(settings, spill)

    def value(self, expression: str, kind: str) -> str:
        """Return the value in a type that Parquet has."""
        return f"CAST({expression} AS VARCHAR)" if kind == "JSON" else arrow_value(expression, kind)

    def write(
        self, table: ExportTable, schema: pyarrow.Schema, batches: Iterator[pyarrow.RecordBatch]
    ) -> None:
        """Write a file."""
        import pyarrow.parquet

        described = {
            "table": table.name,
            "meaning": table.meaning,
            "columns": {column.name: column.meaning for column in table.columns},
        }
        described_schema = schema.with_metadata({METADATA_KEY: json.dumps(described)})
        with pyarrow.parquet.ParquetWriter(self._path(table), described_schema, compression="zstd") as file:
            for group in grouped_batches(batches, described_schema):
                file.write_table(group)

    def finish(self) -> None:
        """Do nothing: each file is complete."""

    def content(self, table: ExportTable) -> Content:
        """Return what a file holds."""
        return content_of(self._connection, table, f"read_parquet({quote_literal(self._path(table))})")

    def close(self) -> None:
        """Close what reads the files."""
        with contextlib.suppress(Exception):
            self._connection.close()

    def _path(self, table: ExportTable) -> str:
        return os.path.join(self._place, f"{table.name}.parquet")
