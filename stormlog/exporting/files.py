"""Writes the public views of a store to a file or a directory, reads it again, and only then gives it its name.

Promise: what stands under the name of an export is complete and says the same as its source.

Source: docs/export.md.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING, Any

from stormlog._new_files import new_place
from stormlog.engine import Settings, load_query, next_batch, public_files, quote_identifier
from stormlog.errors import ExportError
from stormlog.exporting.header import header_tables
from stormlog.exporting.models import ExportedView, ExportReport, ExportSource
from stormlog.exporting.selection import ended_before
from stormlog.exporting.tables import DIGEST, ExportColumn, ExportTable, with_moments
from stormlog.exporting.writers import DIGEST_BITS, Content, Writer, open_writer

if TYPE_CHECKING:
    import pyarrow

    from stormlog.engine import SqlFile
    from stormlog.exporting.targets import Target

__all__ = ["export_files"]

#: Rows that are held at a time.
_BATCH_ROWS = 10_240
#: What writing takes where the store has no limit; views are read beside it.
_WRITING_MEMORY = "1GB"
_NOT_ASKED_FOR = "the view was not asked for"


def export_files(
    source: ExportSource, target: Target, views: Sequence[str], *, since_ns: int | None, replaces: bool
) -> ExportReport:
    """Write an export.

    Args:
        source: What is exported.
        target: Where it goes; the caller has made sure that it may be written.
        views: The public views that it has.
        since_ns: Leave out what had ended before, nanoseconds since the Unix epoch; None leaves out nothing.
        replaces: Whether an earlier export is replaced.

    Raises:
        ExportError: it cannot be written, or does not say the same as its source.
        QueryError: a view cannot be read, or somebody stopped it.
        ValueError: something of the name of the target was made meanwhile.
    """
    settings = _writing_settings(source.settings)
    with _writing(target.path, settings), new_place(target.path, replaces=replaces) as place:
        spill = os.path.join(os.path.dirname(place), "spill")
        with closing(open_writer(target.format, place, settings, spill)) as writer:
            report = _write(source, target, views, since_ns, writer)
    return _with_size(report)


def _write(
    source: ExportSource, target: Target, views: Sequence[str], since_ns: int | None, writer: Writer
) -> ExportReport:
    tables = [_view_table(source, file, since_ns) for file in _files() if file.name in views]
    contents = {table.name: _write_table(source, table, writer) for table in tables}
    exported = [_exported(source, file.name, contents.get(file.name), since_ns) for file in _files()]
    report = ExportReport(
        target=target.path,
        format=target.format,
        size_bytes=0,
        row_count=sum(view.row_count or 0 for view in exported),
        since_ns=since_ns,
        newest_ns=_value(source, "SELECT max(timestamp_ns) FROM memory_readings"),
        skipped_count=contents["rejects"].row_count,
        warning_count=contents["catalog_warnings"].row_count,
        views=tuple(exported),
    )
    header = header_tables(report, source.paths, tables)
    contents |= {table.name: _write_table(source, table, writer) for table in header}
    writer.finish()
    for table in (*tables, *header):
        if writer.content(table) != contents[table.name]:
            raise ExportError(
                f"{target.path}: table {table.name} was read back otherwise than it was written; nothing was "
                "kept of it. Try again, on another disk if this one may be damaged"
            )
    return report


def _files() -> list[SqlFile]:
    return sorted((file for file in public_files() if not file.parameters), key=lambda file: file.name)


def _view_table(source: ExportSource, file: SqlFile, since_ns: int | None) -> ExportTable:
    """Return the table of a view."""
    rows = f"({load_query('export_issues')})" if file.name == "issues" else file.name
    parameters: dict[str, Any] = {}
    meanings = dict(file.columns)
    if file.name == "issues":
        meanings["state"] = "open, ignored, resolved or regressed, as lists of issues showed it"
        parameters |= {
            "override_ids": list(source.states),
            "override_states": list(source.states.values()),
        }
    ended = ended_before(file.name)
    if since_ns is not None and ended is not None:
        rows = f"{rows} WHERE ({ended}) IS NOT TRUE"
        parameters["since_ns"] = since_ns
    with source.cursor.using("export") as connection:
        relation = connection.sql(f"SELECT * FROM {rows} LIMIT 0", params=parameters or None)
        types = dict(zip(relation.columns, map(str, relation.types), strict=True))
    columns = [
        ExportColumn(name, types[name], meaning, quote_identifier(name)) for name, meaning in meanings.items()
    ]
    return ExportTable(file.name, file.summary, with_moments(columns), rows, parameters)


def _write_table(source: ExportSource, table: ExportTable, writer: Writer) -> Content:
    """Write a table, and return what its source holds."""
    text = table.statement(writer.value)
    with source.cursor.using("export", text) as connection:
        relation = connection.sql(text, params=dict(table.parameters) or None)
        reader = relation.to_arrow_reader(_BATCH_ROWS)
    rows = _Rows(source, text, reader, table.names)
    writer.write(table, rows.schema, iter(rows))
    return rows.content


class _Rows:
    """Rows of a statement, without the digests at their end, which are added up."""

    def __init__(
        self, source: ExportSource, text: str, reader: pyarrow.RecordBatchReader, names: list[str]
    ) -> None:
        import pyarrow

        self._source, self._text, self._reader, self._names = source, text, reader, names
        self.schema = pyarrow.schema([field for field in reader.schema if field.name != DIGEST])
        self._row_count = self._digest = 0

    @property
    def content(self) -> Content:
        """What came through so far."""
        return Content(self._row_count, self._digest % (1 << DIGEST_BITS))

    def __iter__(self) -> Iterator[pyarrow.RecordBatch]:
        while (batch := next_batch(self._source.cursor, self._reader, "export", self._text)) is not None:
            self._row_count += batch.num_rows
            self._digest += int(batch.column(DIGEST).to_numpy().sum(dtype="uint64"))
            yield batch.select(self._names)


def _exported(source: ExportSource, view: str, content: Content | None, since_ns: int | None) -> ExportedView:
    if content is None:
        return ExportedView(view, None, None, _NOT_ASKED_FOR)
    ended = ended_before(view)
    if since_ns is None or ended is None:
        return ExportedView(view, content.row_count, 0, None)
    count = _value(source, f"SELECT count(*) FROM {view} WHERE {ended}", since_ns=since_ns)
    return ExportedView(
        view, content.row_count, count, "rows that had ended before since_ns" if count else None
    )


def _value(source: ExportSource, text: str, **parameters: Any) -> Any:
    with source.cursor.using("export", text) as connection:
        return connection.execute(text, parameters or None).fetchall()[0][0]


def _writing_settings(settings: Settings) -> Settings:
    """Return how much of the machine the writer may use, beside what reads the views."""
    limit = settings.memory_limit or _WRITING_MEMORY
    return Settings(settings.threads, limit, settings.spill_directory, settings.spill_limit)


@contextmanager
def _writing(path: str, settings: Settings) -> Iterator[None]:
    """Say that a file cannot be written where a library, or the system, says so."""
    import sqlite3

    import duckdb
    import pyarrow

    try:
        yield
    except duckdb.OutOfMemoryException as error:
        raise ExportError(
            f"{path} cannot be written within {settings.memory_limit} of memory; --memory-limit gives more"
        ) from error
    except (OSError, sqlite3.Error, duckdb.Error, pyarrow.ArrowException) as error:
        # What follows the first line of DuckDB is the statement.
        reason = (
            error.strerror if isinstance(error, OSError) and error.strerror else str(error).splitlines()[0]
        )
        raise ExportError(f"{path} cannot be written, and nothing was: {reason}") from error


def _with_size(report: ExportReport) -> ExportReport:
    from dataclasses import replace

    path = report.target
    files = [os.path.join(path, name) for name in os.listdir(path)] if os.path.isdir(path) else [path]
    return replace(report, size_bytes=sum(map(os.path.getsize, files)))
