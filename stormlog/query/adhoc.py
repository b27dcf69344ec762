"""SQL that users write: what it names, and its rows."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

__all__ = ["SqlResult", "names_in"]

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


def names_in(text: str) -> set[str]:
    """Return every word of a statement in lower case; a superset of the relations it names.

    A table of schema ``tracking`` is one word, for it shares its name with a view that takes long to fill.
    """
    tracked = {f"tracking.{name.lower()}" for _, name in _TRACKING.findall(text)}
    return tracked | {word.lower() for word in _WORD.findall(_TRACKING.sub(r"\1", text))}
