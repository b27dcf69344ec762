"""Rows as text for programs, files and pipes: JSON, JSON lines, CSV, Markdown and plain tables.

The promise: every format is valid for no rows too, and one row never spreads over two lines of a table.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain
from typing import Any

from stormlog._markdown import markdown_text
from stormlog._values import frozen_class
from stormlog.apps.cli.options.targets import Column, Target, light_row
from stormlog.apps.cli.printing.human import cell_text
from stormlog.apps.cli.printing.json_text import json_document, json_line
from stormlog.presenting import human_bytes, human_count, human_time, printable
from stormlog.query.streams import RowStream

__all__ = [
    "FORMATS",
    "STREAMED_FORMATS",
    "Answer",
    "csv_lines",
    "human_cell",
    "json_chunks",
    "jsonl_lines",
    "markdown_lines",
    "plain_table_lines",
]

#: Names of the formats, the default first.
FORMATS = ("table", "json", "jsonl", "csv", "markdown")

#: Formats that print a row without knowing the others.
STREAMED_FORMATS = ("json", "jsonl", "csv")

NO_ROWS = "No rows."


@frozen_class
class Answer:
    """Rows to print.

    Args:
        rows: Rows or issues of a target; mappings where there is none. An iterator goes into one of
            `STREAMED_FORMATS`, once.
        target: What was asked for; None for rows of free SQL.
        names: Column names of free SQL.
    """

    rows: Iterable[Any]
    target: Target | None = None
    names: Sequence[str] = ()

    @property
    def is_empty(self) -> bool:
        """Whether there are no rows; also after they were printed."""
        return self.rows.is_empty if isinstance(self.rows, RowStream) else not self.rows

    def records(self) -> Iterator[Mapping[str, Any]]:
        """Yield every row with all its fields."""
        return (row if isinstance(row, Mapping) else row.as_dict() for row in self.rows)

    def columns(self, first: Mapping[str, Any]) -> list[str]:
        """Return all columns in their order.

        Args:
            first: The first row; empty if there is none.
        """
        return list(self.names) if self.target is None else self.target.columns(list(first))

    def plain_columns(self) -> list[str]:
        """Return the columns of plain tables, which may leave out what is long and nested."""
        if self.target is None or self.target.plain_has_all:
            return self.columns(next(self.records(), {}))
        return list(self.target.preferred)

    def readable_columns(self) -> list[Column]:
        """Return the columns of tables for people."""
        if self.target is not None:
            return list(self.target.readable)
        # Left to right is the order of importance that the author of a SELECT gave.
        return [
            Column(name, printable(name), _kind_of(row.get(name) for row in self.rows), rank)
            for rank, name in enumerate(self.names)
        ]

    def light_records(self, keys: Sequence[str]) -> Iterator[Mapping[str, Any]]:
        """Yield every row with at least these fields."""
        return (row if isinstance(row, Mapping) else light_row(row, keys) for row in self.rows)


def json_chunks(answer: Answer) -> Iterator[str]:
    """Yield a JSON list of all rows, indented by two."""
    opening = "[\n  "
    for record in answer.records():
        yield opening + json_document(record, "\n  ")
        opening = ",\n  "
    yield "[]\n" if opening.startswith("[") else "\n]\n"


def jsonl_lines(answer: Answer) -> Iterator[str]:
    """Yield one JSON object a line."""
    return (json_line(record) + "\n" for record in answer.records())


def csv_lines(answer: Answer) -> Iterator[str]:
    """Yield a header and one line per row, ended by CR LF; null is empty, lists and mappings are JSON."""
    records = answer.records()
    first = next(records, None)
    columns = answer.columns(first or {})
    yield _csv_line(columns)
    for record in () if first is None else chain([first], records):
        yield _csv_line([_csv_field(record.get(column)) for column in columns])


def _csv_field(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, (list, tuple, dict)):
        return json_line(value)
    if isinstance(value, (bytes, bytearray)):
        return bytes(value).hex()
    return str(value)


def _csv_line(fields: Sequence[str]) -> str:
    if len(fields) == 1 and not fields[0]:
        # A blank line would be read as no row at all.
        return '""\r\n'
    return ",".join(map(_csv_quoted, fields)) + "\r\n"


def _csv_quoted(field: str) -> str:
    if any(character in field for character in ',"\r\n'):
        return '"' + field.replace('"', '""') + '"'
    return field


def plain_table_lines(answer: Answer) -> Iterator[str]:
    """Yield an unstyled table for pipes: raw values, as wide as it needs to be."""
    if not answer.rows:
        yield NO_ROWS + "\n"
        return
    columns = answer.plain_columns()
    header = [printable(column).replace("_", " ").title() for column in columns]
    widths = [len(text) for text in header]
    for cells in _plain_cells(answer, columns):
        widths = [max(width, len(cell)) for width, cell in zip(widths, cells, strict=True)]
    yield _padded(header, widths)
    yield _padded(["-" * width for width in widths], widths)
    # Worked out twice rather than kept: a million rows of text take far more room than the rows.
    for cells in _plain_cells(answer, columns):
        yield _padded(cells, widths)


def _plain_cells(answer: Answer, columns: Sequence[str]) -> Iterator[list[str]]:
    for record in answer.light_records(columns):
        yield [cell_text(record.get(column)) for column in columns]


def _padded(cells: Sequence[str], widths: Sequence[int]) -> str:
    padded = (f"{cell:<{width}}" for cell, width in zip(cells, widths, strict=True))
    return "  ".join(padded).rstrip() + "\n"


def markdown_lines(answer: Answer) -> Iterator[str]:
    """Yield a Markdown table of the readable columns, values as people read them."""
    if not answer.rows:
        yield NO_ROWS + "\n"
        return
    columns = answer.readable_columns()
    yield _markdown_line([column.header for column in columns])
    yield _markdown_line(["---:" if is_right_aligned(column) else "---" for column in columns], escape=False)
    for record in answer.light_records([column.key for column in columns]):
        yield _markdown_line([human_cell(column, record.get(column.key)) for column in columns])


def _markdown_line(cells: Sequence[str], *, escape: bool = True) -> str:
    if escape:
        cells = [markdown_text(cell) for cell in cells]
    return "| " + " | ".join(cells) + " |\n"


def human_cell(column: Column, value: Any) -> str:
    """Return a value as people read it, on one line."""
    if value is None:
        return "-"
    if column.kind == "length":
        return human_count(len(value))
    if isinstance(value, int) and not isinstance(value, bool):
        if column.kind == "bytes":
            return human_bytes(value)
        if column.kind == "time":
            return human_time(value)
        if column.kind == "instant":
            return human_time(value, milliseconds=True)
        if column.kind == "count":
            return human_count(value)
    return cell_text(value)


def is_right_aligned(column: Column) -> bool:
    """Tell whether a column holds amounts, which are compared by their last digits."""
    return column.kind in ("number", "count", "bytes", "length")


def _kind_of(values: Iterator[Any]) -> Any:
    numbers = [
        isinstance(value, (int, float)) and not isinstance(value, bool)
        for value in values
        if value is not None
    ]
    return "number" if numbers and all(numbers) else "text"
