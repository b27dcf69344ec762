"""Every exception that Stormlog raises on purpose, besides ``ValueError`` for bad values.

Catch ``StormlogError`` to catch them all.
"""

from __future__ import annotations

__all__ = ["CompactionError", "QueryError", "SourceError", "StormlogError"]


class StormlogError(Exception):
    """Base class of the errors that Stormlog raises on purpose."""


class CompactionError(StormlogError):
    """A compacted sink would not say the same as its original, which is untouched."""


class SourceError(StormlogError):
    """An artifact cannot be read.

    Args:
        message: What is wrong and what to do next.
        path: The file or directory concerned, if one is known.
        line: 1-based physical line (row or item number where there are no lines).
    """

    def __init__(self, message: str, *, path: str | None = None, line: int | None = None) -> None:
        self.path = path
        self.line = line
        where = "" if path is None else f"{path}: " if line is None else f"{path}:{line}: "
        super().__init__(f"{where}{message}")


class QueryError(StormlogError):
    """A statement failed or was refused.

    Args:
        message: What is wrong and what to do next.
        statement: Name of the statement (a ``QueryStore`` method or ``sql``).
        sql: The text that was run.
    """

    def __init__(self, message: str, *, statement: str | None = None, sql: str | None = None) -> None:
        self.statement = statement
        self.sql = sql
        super().__init__(message if statement is None else f"{statement}: {message}")
