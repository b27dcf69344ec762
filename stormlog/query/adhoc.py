"""SQL that users write: what it names, and its rows."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pyarrow

__all__ = ["SqlResult", "names_in"]

_WORD = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_TRACKING = re.compile(r"\b(tracking)\"?\s*\.\s*\"?([A-Za-z_][A-Za-z0-9_]*)", re.IGNORECASE)


@dataclass(frozen=True, repr=False)
class SqlResult:
    """Rows of a statement.

    Attributes:
        columns: Column names in order.
        rows: One tuple per row.
        types: Types of the columns, as DuckDB writes them.
    """

    columns: list[str]
    rows: list[tuple[Any, ...]]
    types: list[str] = field(default_factory=list, compare=False)

    def __iter__(self) -> Iterator[tuple[Any, ...]]:
        return iter(self.rows)

    def __len__(self) -> int:
        return len(self.rows)

    def __repr__(self) -> str:
        from stormlog.query.result_tables import described_result

        return described_result(self.columns, self.types, self.rows)

    def _repr_html_(self) -> str:
        from stormlog._notebooks import shown_by  # Late: commands have no notebook.

        return shown_by("result_html", self)

    def fetchall(self) -> list[tuple[Any, ...]]:
        """Return all rows."""
        return self.rows

    def arrow(self) -> pyarrow.Table:
        """Return the rows as a table of Arrow, each column in the type that the statement gave it.

        Names that occur twice get a number. Times have microseconds, as in ``rows``: `QueryStore.iter_arrow` keeps
        nanoseconds.

        Raises:
            QueryError: a value does not fit into its type of Arrow: an integer of more than 38 digits.

        Source: docs/sql.md#what-each-format-does.
        """
        from stormlog.engine import arrow_table

        return arrow_table(self.columns, self.types, self.rows)

    def df(self) -> Any:
        """Return the rows as a data frame of pandas.

        Raises:
            QueryError: pandas is not installed, or as `arrow`.
        """
        from stormlog.query.result_tables import require_library

        require_library("pandas", ".df()")
        return self.arrow().to_pandas()

    def pl(self) -> Any:
        """Return the rows as a data frame of Polars.

        Raises:
            QueryError: Polars is not installed, or as `arrow`.
        """
        from stormlog.query.result_tables import require_library

        return require_library("polars", ".pl()").from_arrow(self.arrow())

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> Any:
        return self.arrow().__arrow_c_stream__(requested_schema)


def names_in(text: str) -> set[str]:
    """Return every word of a statement in lower case; a superset of the relations it names.

    A table of schema ``tracking`` is one word, for it shares its name with a view that takes long to fill.
    """
    tracked = {f"tracking.{name.lower()}" for _, name in _TRACKING.findall(text)}
    return tracked | {word.lower() for word in _WORD.findall(_TRACKING.sub(r"\1", text))}
