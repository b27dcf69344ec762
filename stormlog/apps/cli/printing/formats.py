"""Rows as text: JSON, JSON lines, CSV, Markdown, and tables for pipes.

The promise: every format is valid for no rows too. A table for a pipe has the columns, names and cells of one on a
terminal (`terminal`), but is as wide as it needs to be: one line per row.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain
from typing import Any

from stormlog._markdown import markdown_text
from stormlog._values import frozen_class
from stormlog.apps.cli.options.targets import Column, Target
from stormlog.apps.cli.printing.json_text import json_document, json_line
from stormlog.presenting import Moments, cell_width
from stormlog.query.streams import RowStream

__all__ = [
    "FORMATS",
    "MEANINGS",
    "STREAMED_FORMATS",
    "TABLE_FORMATS",
    "Answer",
    "aligned",
    "csv_lines",
    "json_chunks",
    "jsonl_lines",
    "markdown_lines",
    "plain_table_lines",
    "table_lines_after",
]

#: Name of each format -> what it is for; the default first.
MEANINGS = {
    "table": "for people: sizes, counts and times readable, as wide as a terminal",
    "json": "for programs: one value over several lines, keys sorted",
    "jsonl": "for programs: one object per line, while rows are fetched",
    "csv": "for spreadsheets: a header and CRLF line ends; null is empty, lists and objects are JSON",
    "markdown": "for reports: a table of what a terminal shows",
}

#: Names of the formats, the default first.
FORMATS = tuple(MEANINGS)

#: Formats that print a row without knowing the others.
STREAMED_FORMATS = ("json", "jsonl", "csv")

#: Formats for people: readable columns only.
TABLE_FORMATS = ("table", "markdown")

_MANY_ROWS = 10_000

NO_ROWS = "No rows."


@frozen_class
class Answer:
    """Rows to print.

    Args:
        rows: Rows or issues of a target; mappings where there is none. An iterator goes into one of
            `STREAMED_FORMATS`, once.
        target: What was asked for; None for rows of free SQL.
        names: Column names of free SQL.
        moments: How tables show times.
    """

    rows: Iterable[Any]
    target: Target | None = None
    names: Sequence[str] = ()
    moments: Moments = Moments()

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

    def readable_columns(self) -> list[Column]:
        """Return the columns of tables."""
        if self.target is not None:
            return list(self.target.readable)
        # Left to right is the order of importance that the author of a SELECT gave.
        return [
            Column(name, name, _kind_of(row.get(name) for row in self.rows), rank, most=None)
            for rank, name in enumerate(self.names)
        ]

    def cells(self, columns: Sequence[Column]) -> Iterator[list[str]]:
        """Yield the cells of every row."""
        # The formats for programs do without.
        from stormlog.apps.cli.printing.cells import human_cell

        for record in self.records():
            yield [human_cell(column, record.get(column.key), self.moments) for column in columns]

    def headers(self, columns: Sequence[Column]) -> list[str]:
        """Return what stands above each column."""
        from stormlog.apps.cli.printing.cells import header_text

        return [header_text(column, self.moments) for column in columns]


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
    """Yield an unstyled table for pipes, as wide as it needs to be."""
    if not answer.rows:
        yield NO_ROWS + "\n"
        return
    from stormlog.apps.cli.printing.cells import is_right_aligned

    columns = answer.readable_columns()
    headers = answer.headers(columns)
    widths = list(map(cell_width, headers))
    # Worked out twice rather than kept where there are many: a million rows of text take far more room than the rows.
    kept = (
        list(answer.cells(columns))
        if isinstance(answer.rows, list) and len(answer.rows) < _MANY_ROWS
        else None
    )
    for cells in kept or answer.cells(columns):
        widths = [max(width, cell_width(cell)) for width, cell in zip(widths, cells, strict=True)]
    are_right = list(map(is_right_aligned, columns))
    yield _padded(headers, widths, are_right)
    yield _padded(["-" * width for width in widths], widths, are_right)
    for cells in kept or answer.cells(columns):
        yield _padded(cells, widths, are_right)


def table_lines_after(answer: Answer, widths: list[int]) -> list[str]:
    """Return further lines of a table whose rows come bit by bit; its header too, if these are the first.

    Args:
        answer: Some of the rows, at least one.
        widths: Widths of the columns of the lines before, which grow with these; empty at first.
    """
    from stormlog.apps.cli.printing.cells import is_right_aligned

    columns = answer.readable_columns()
    lines = list(answer.cells(columns))
    headers = [] if widths else [answer.headers(columns)]
    known = widths or [0] * len(columns)
    widths[:] = [
        max(width, *map(cell_width, cells)) for width, *cells in zip(known, *headers, *lines, strict=True)
    ]
    rule = [["-" * width for width in widths]] if headers else []
    are_right = list(map(is_right_aligned, columns))
    return [_padded(cells, widths, are_right) for cells in (*headers, *rule, *lines)]


def _padded(cells: Sequence[str], widths: Sequence[int], are_right: Sequence[bool]) -> str:
    padded = map(aligned, cells, widths, are_right)
    return "  ".join(padded).rstrip() + "\n"


def aligned(cell: str, width: int, is_right: bool) -> str:
    """Return a cell with blanks before or behind it up to a width in columns of a terminal."""
    blanks = " " * (width - cell_width(cell))
    return blanks + cell if is_right else cell + blanks


def markdown_lines(answer: Answer) -> Iterator[str]:
    """Yield a Markdown table of the readable columns, values as people read them."""
    if not answer.rows:
        yield NO_ROWS + "\n"
        return
    from stormlog.apps.cli.printing.cells import is_right_aligned

    columns = answer.readable_columns()
    yield _markdown_line(answer.headers(columns))
    yield _markdown_line(["---:" if is_right_aligned(column) else "---" for column in columns], escape=False)
    yield from map(_markdown_line, answer.cells(columns))


def _markdown_line(cells: Sequence[str], *, escape: bool = True) -> str:
    if escape:
        cells = [markdown_text(cell) for cell in cells]
    return "| " + " | ".join(cells) + " |\n"


def _kind_of(values: Iterator[Any]) -> Any:
    numbers = [
        isinstance(value, (int, float)) and not isinstance(value, bool)
        for value in values
        if value is not None
    ]
    return "number" if numbers and all(numbers) else "text"
