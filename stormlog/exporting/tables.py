"""Tables of an export: which columns they have, and the statement that their rows come from.

Promise: beside each column of times in nanoseconds (``first_seen_ns``) stands one with the same times as timestamps
(``first_seen_at``), in UTC.

Source: docs/export.md#times.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from stormlog._names import unit_of
from stormlog._values import frozen_class
from stormlog.engine import quote_identifier

__all__ = ["DIGEST", "ExportColumn", "ExportTable", "moment_name", "row_digest", "with_moments"]

#: Name of the column that says what a row holds; it is not written.
DIGEST = "_row_digest"
#: Columns of nanoseconds that are no times: lengths, and what rows are sorted by.
_NO_MOMENTS = {"degraded_time_ns", "sort_ns", "window_duration_ns"}
#: Nanoseconds of which DuckDB makes no timestamp are beyond these.
_BOUND = 9_223_372_036_854_775_807


@frozen_class
class ExportColumn:
    """A column of an export.

    Attributes:
        name: Its name.
        type: Its type, as DuckDB writes it.
        meaning: What it says.
        expression: SQL for its value, of the columns of the statement that the table comes from.
    """

    name: str
    type: str
    meaning: str
    expression: str

    @property
    def unit(self) -> str | None:
        """Such as ``bytes`` or ``ns``."""
        return unit_of(self.name)


@frozen_class
class ExportTable:
    """A table of an export.

    Attributes:
        name: Its name, that of a view unless it is one of those about the export itself.
        meaning: What one row is.
        columns: What a row holds.
        source: What stands behind FROM, with a condition if there is one.
        parameters: Values of the statement.
    """

    name: str
    meaning: str
    columns: tuple[ExportColumn, ...]
    source: str
    parameters: Mapping[str, Any]

    def statement(self, value: Callable[[str, str], str]) -> str:
        """Return a SELECT of the values as a file holds them, and of a number for each row that depends on all of them.

        Args:
            value: Makes the SQL of a value that a file can hold, of SQL and the type of what that gives.
        """
        values = [f"{value(c.expression, c.type)} AS {quote_identifier(c.name)}" for c in self.columns]
        return f"SELECT *, {row_digest(self.names)} AS {DIGEST} FROM (SELECT {', '.join(values)} FROM {self.source})"

    @property
    def names(self) -> list[str]:
        """Names of the columns."""
        return [column.name for column in self.columns]


def with_moments(columns: Sequence[ExportColumn]) -> tuple[ExportColumn, ...]:
    """Return columns, with timestamps beside those that hold times in nanoseconds."""
    found: list[ExportColumn] = []
    for column in columns:
        found.append(column)
        name = moment_name(column.name)
        if name is not None:
            value = column.expression
            found.append(
                ExportColumn(
                    name,
                    "TIMESTAMP_NS",
                    f"{column.name} as a time, UTC",
                    f"CASE WHEN {value} > {-_BOUND} AND {value} < {_BOUND} THEN make_timestamp_ns({value}) END",
                )
            )
    return tuple(found)


def moment_name(name: str) -> str | None:
    """Return the name of the timestamps beside a column; None if that holds no times in nanoseconds."""
    if not name.endswith("_ns") or name in _NO_MOMENTS:
        return None
    stem = name.removesuffix("_ns")
    return stem if stem.endswith("_at") else f"{stem}_at"


def row_digest(names: Sequence[str]) -> str:
    """Return SQL for a number that depends on all values of a row."""
    return f"hash({', '.join(map(quote_identifier, names))})"
