"""The tables of an export that are about the export: what it is of, what is in it, and what is not.

Source: docs/export.md#what-an-export-says-of-itself.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from stormlog import __version__
from stormlog.engine import quote_identifier
from stormlog.exporting.tables import ExportColumn, ExportTable, with_moments

if TYPE_CHECKING:
    from stormlog.exporting.models import ExportReport

__all__ = ["FORMAT_VERSION", "header_tables"]

#: Grows when tables or columns of exports get another meaning.
FORMAT_VERSION = 1


def header_tables(
    report: ExportReport, paths: Sequence[str], tables: Sequence[ExportTable]
) -> list[ExportTable]:
    """Return the tables that are about an export.

    Args:
        report: What was written.
        paths: The opened paths.
        tables: The tables with the rows of views.
    """
    views = [view.as_dict() for view in report.views]
    columns = [
        {
            "view": table.name,
            "position": position,
            "name": column.name,
            "type": column.type,
            "unit": column.unit,
            "meaning": column.meaning,
        }
        for table in tables
        for position, column in enumerate(table.columns)
    ]
    info = {
        "stormlog_version": __version__,
        "format_version": FORMAT_VERSION,
        "created_ns": time.time_ns(),
        "newest_ns": report.newest_ns,
        "since_ns": report.since_ns,
        "skipped_count": report.skipped_count,
        "warning_count": report.warning_count,
    }
    return [
        _table("export_views", _VIEWS, views),
        _table("export_columns", _COLUMNS, columns),
        _table("export_paths", _PATHS, [{"position": i, "path": path} for i, path in enumerate(paths)]),
        _table("export_info", _INFO, [info]),
    ]


_VIEWS = {
    "": "Every public view: how many of its rows are here, and what was left out.",
    "view VARCHAR": "name of the view, and of the table with its rows",
    "row_count BIGINT": "rows in this export, NULL for a view that was not asked for",
    "left_out_count BIGINT": "rows of the view that are not here, NULL for a view that was not asked for",
    "left_out VARCHAR": "what these rows are, NULL if none are missing",
}
_COLUMNS = {
    "": "Columns of the tables: their types in Stormlog, their units and what they mean.",
    "view VARCHAR": "name of the table",
    "position BIGINT": "place of the column, from 0",
    "name VARCHAR": "name of the column",
    "type VARCHAR": "type of the column in the view, as DuckDB writes it",
    "unit VARCHAR": "such as bytes or ns, NULL where there is none",
    "meaning VARCHAR": "what it says",
}
_PATHS = {
    "": "The files and directories that were read.",
    "position BIGINT": "place on the command line, from 0",
    "path VARCHAR": "the path as it was given",
}
_INFO = {
    "": "The export as a whole: one row.",
    "stormlog_version VARCHAR": "version of Stormlog that wrote it",
    "format_version BIGINT": "version of these tables; it grows when one gets another meaning",
    "created_ns BIGINT": "when it was written, nanoseconds since the Unix epoch",
    "newest_ns BIGINT": "time of the newest event, NULL if there is none",
    "since_ns BIGINT": "what had ended before this time was left out, NULL if nothing was",
    "skipped_count BIGINT": "lines, rows and items that could not be read; table rejects says where and why",
    "warning_count BIGINT": "what was skipped as a whole; table catalog_warnings has it",
}


def _table(name: str, described: Mapping[str, str], rows: Sequence[Mapping[str, Any]]) -> ExportTable:
    """Return a table of given rows."""
    columns, lists = [], []
    for position, (column, meaning) in enumerate(described.items()):
        if not column:
            continue
        column_name, kind = column.split(" ")
        quoted = quote_identifier(column_name)
        columns.append(ExportColumn(column_name, kind, meaning, quoted))
        lists.append(f"unnest(CAST($list_{position} AS {kind}[])) AS {quoted}")
    names = [column.name for column in columns]
    return ExportTable(
        name=name,
        meaning=described[""],
        columns=with_moments(columns),
        source=f"(SELECT {', '.join(lists)})",
        parameters={
            f"list_{position}": [row[column] for row in rows]
            for position, column in enumerate(names, start=1)
        },
    )
