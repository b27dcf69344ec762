"""Guards SQL that users write: one statement, and it only selects."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from stormlog.errors import QueryError

if TYPE_CHECKING:
    import duckdb

__all__ = ["SqlResult", "names_in", "require_one_select"]

_WORD = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_TRACKING = re.compile(r"\b(tracking)\"?\s*\.\s*\"?([A-Za-z_][A-Za-z0-9_]*)", re.IGNORECASE)


@dataclass(frozen=True)
class SqlResult:
    """Rows of a statement.

    Attributes:
        columns: Column names in order.
        rows: One tuple per row.
    """

    columns: list[str]
    rows: list[tuple[Any, ...]]

    def __iter__(self) -> Iterator[tuple[Any, ...]]:
        return iter(self.rows)

    def fetchall(self) -> list[tuple[Any, ...]]:
        """Return all rows."""
        return self.rows


def require_one_select(connection: duckdb.DuckDBPyConnection, text: str) -> None:
    """Refuse anything but a single SELECT statement.

    Raises:
        QueryError: the text cannot be parsed, holds several statements, or does not select.
    """
    import duckdb

    try:
        statements = connection.extract_statements(text)
    except duckdb.Error as error:
        raise QueryError(str(error), statement="sql", sql=text) from error
    if len(statements) != 1:
        raise QueryError(f"expected one statement, got {len(statements)}", statement="sql", sql=text)
    if statements[0].type != duckdb.StatementType.SELECT:
        kind = str(statements[0].type).rpartition(".")[2]
        raise QueryError(f"only SELECT is allowed, this is {kind}", statement="sql", sql=text)


def names_in(text: str) -> set[str]:
    """Return every word of a statement in lower case; a superset of the relations it names.

    A table of schema ``tracking`` is one word, for it shares its name with a view that takes long to fill.
    """
    tracked = {f"tracking.{name.lower()}" for _, name in _TRACKING.findall(text)}
    return tracked | {word.lower() for word in _WORD.findall(_TRACKING.sub(r"\1", text))}
