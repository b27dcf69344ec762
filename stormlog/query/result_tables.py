"""The rows of a statement as text for a notebook or a shell, and the libraries that take them further."""

from __future__ import annotations

from collections.abc import Sequence
from types import ModuleType
from typing import Any

from stormlog.errors import QueryError

__all__ = ["described_result", "require_library"]

_MOST_ROWS = 10
_MOST_COLUMNS = 20
_MOST_CHARACTERS = 40


def require_library(name: str, method: str) -> ModuleType:
    """Return a library of data frames.

    Args:
        name: The library.
        method: What it is needed for.

    Raises:
        QueryError: it is not installed; the message says how to install it.
    """
    from importlib import import_module

    try:
        return import_module(name)
    except ImportError as error:
        raise QueryError(f"{method} needs {name}: pip install 'stormlog[frames]'") from error


def described_result(columns: Sequence[str], types: Sequence[str], rows: Sequence[Sequence[Any]]) -> str:
    """Return how many rows and which columns there are, and the first rows as a table."""
    count = f"{len(rows):,} {'row' if len(rows) == 1 else 'rows'}"
    width = f"{len(columns):,} {'column' if len(columns) == 1 else 'columns'}"
    lines = [f"SqlResult: {count}, {width}"]
    shown = [_cell(name) for name in columns[:_MOST_COLUMNS]]
    kinds = [_cell(kind) for kind in types[:_MOST_COLUMNS]]
    cells = [[_cell(value) for value in row[:_MOST_COLUMNS]] for row in rows[:_MOST_ROWS]]
    table = [shown, *([kinds] if kinds else []), *cells]
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    for line in table:
        padded = (f"{cell:<{width}}" for cell, width in zip(line, widths, strict=True))
        lines.append("  ".join(padded).rstrip())
    hidden = []
    if len(rows) > _MOST_ROWS:
        hidden.append(f"{len(rows) - _MOST_ROWS:,} more rows")
    if len(columns) > _MOST_COLUMNS:
        hidden.append(f"{len(columns) - _MOST_COLUMNS:,} more columns")
    return "\n".join([*lines, *([f"... {' and '.join(hidden)}"] if hidden else [])])


def _cell(value: Any) -> str:
    # No more of a value is made into text than is shown; a list may be long.
    text = (
        "NULL"
        if value is None
        else str(value[: _MOST_CHARACTERS + 1] if isinstance(value, (str, bytes)) else value)
    )
    text = text if text.isprintable() else text.encode("unicode_escape").decode("ascii")
    return text if len(text) <= _MOST_CHARACTERS else text[: _MOST_CHARACTERS - 3] + "..."
