"""Runs Stormlog's own statements, and parses those that come again only once.

Parsing is more than a tenth of what a small answer costs. A program that reads many batches of files, refreshes a
store or opens several stores runs the same statements again and again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import duckdb

__all__ = ["run"]

#: Longer texts name files, or pieces of them, and come once.
_LONGEST_TEXT = 30_000


class _Text:
    """How often a text was run, and its statements after the first time."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.runs = 0
        self.statements: Sequence[duckdb.Statement] = ()


_known = lru_cache(maxsize=400)(_Text)


def run(
    connection: duckdb.DuckDBPyConnection,
    text: str,
    params: Mapping[str, Any] | Sequence[Any] | None = None,
) -> duckdb.DuckDBPyConnection:
    """Run statements and return the connection with the result of the last one.

    Args:
        connection: Any connection; parsed statements belong to none.
        text: The statements.
        params: Values of the last one.
    """
    if len(text) > _LONGEST_TEXT:
        return connection.execute(text, params)
    known = _known(text)
    known.runs += 1
    if known.runs == 1:
        # Most statements of a command run once: keeping them would cost more than parsing them.
        return connection.execute(known.text, params)
    if not known.statements:
        known.statements = connection.extract_statements(known.text)
    *first, last = known.statements
    for statement in first:
        connection.execute(statement)
    return connection.execute(last, params)
