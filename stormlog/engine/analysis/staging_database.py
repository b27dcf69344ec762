"""What working out evidence, hidden memory and phases asks of a database, so that another one can stand in."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

__all__ = ["SelectedRows", "StagingDatabase"]


class SelectedRows(Protocol):
    """The result of a SELECT."""

    def fetchall(self) -> list[Any]:
        """Return all rows as tuples."""
        ...


class StagingDatabase(Protocol):
    """Tables and views by the names that they have in the SQL files."""

    def execute(self, text: str, params: Mapping[str, Any] | None = None) -> SelectedRows:
        """Run a SELECT; the views and macros that it names are there."""
        ...

    def fill(self, table: str, types: str, rows: list[tuple[Any, ...]]) -> None:
        """Replace the rows of a small table.

        Args:
            table: Its name.
            types: Types of its columns, in order, separated by ``", "``.
            rows: The rows.
        """
        ...

    def replace(self, table: str, query: str) -> None:
        """Make a table of what a SELECT finds, which may be rows of the table as it was."""
        ...

    def materialise(self, *names: str) -> None:
        """Fill the tables of materialised views, one after the other."""
        ...

    def has_rows(self, table: str) -> bool:
        """Return whether a table has any row."""
        ...

    def is_created(self, name: str) -> bool:
        """Return whether a view, or the table of a materialised one, exists yet."""
        ...
