"""Every exception that Stormlog raises on purpose, besides ``ValueError`` for bad values.

Catch ``StormlogError`` to catch them all.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

__all__ = [
    "CompactionError",
    "ExportError",
    "LifecycleError",
    "MigrationError",
    "OutOfRoomError",
    "PermissionDeniedError",
    "QueryError",
    "SourceError",
    "StoreBusyError",
    "StormlogError",
    "TrackingError",
    "UnknownIdError",
]


class StormlogError(Exception):
    """Base class of the errors that Stormlog raises on purpose."""


class TrackingError(StormlogError):
    """The tracker refuses something.

    Args:
        message: What is wrong and what to do next.
        code: The reason for programs; it never changes.
        details: Facts behind it, JSON-ready.
    """

    def __init__(self, message: str, *, code: str, details: dict[str, Any] | None = None) -> None:
        self.code = code
        self.details = details or {}
        super().__init__(message)


class LifecycleError(TrackingError):
    """A change of an issue is refused, or the issue does not exist; nothing was changed.

    Codes: ``illegal_transition``, ``stale_revision``, ``not_found``, ``already_merged``, ``merge_scope``,
    ``merge_hides_live_issue``, ``not_author``, ``ambiguous_id``.
    """


class PermissionDeniedError(TrackingError):
    """The caller may not do this; ``details`` names the permission that is missing."""

    def __init__(self, permission: str) -> None:
        super().__init__(
            f"this needs the permission {permission}",
            code="permission_denied",
            details={"permission": permission},
        )


class StoreBusyError(TrackingError):
    """Somebody else writes to the store, or scans, and did not finish in time; try again."""

    def __init__(self, message: str, *, details: dict[str, Any] | None = None) -> None:
        super().__init__(message, code="store_busy", details=details)


class MigrationError(TrackingError):
    """The store is newer than this version of Stormlog, or not what its migrations made; it is untouched.

    Codes: ``store_too_new``, ``checksum_mismatch``, ``not_a_store``, ``migration_failed``.
    """


class UnknownIdError(StormlogError):
    """An id names nothing under the opened paths.

    Args:
        kind: What it should name: ``run``, ``attempt``, ``session`` or ``issue``.
        name: The id.
        others: Some ids that there are.
        message: What is wrong, where it is something else than that.
    """

    def __init__(
        self, kind: str, name: str, others: Sequence[str] = (), *, message: str | None = None
    ) -> None:
        self.kind = kind
        self.name = name
        known = f"; there are {', '.join(others)}" if others else ""
        super().__init__(message or f"no {kind} {name!r} under the opened paths{known}")


class CompactionError(StormlogError):
    """A compacted sink would not say the same as its original, which is untouched."""


class ExportError(StormlogError):
    """An export cannot be written, or would not say the same as its source; no file or directory was made of it."""


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
        if message.startswith(f"{path}:"):
            # Some sentences begin with their path themselves.
            where = ""
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


class OutOfRoomError(QueryError):
    """A statement needs more memory than it may use, and what does not fit there has no room elsewhere.

    Args:
        memory_limit: How much memory there is, as text.
        spill_directory: Where rows go that do not fit into memory.
        spill_limit: How much may lie there, as text; None if the directory is not what is full.
        statement: Name of the statement.
        sql: The text that was run.
    """

    def __init__(
        self,
        *,
        memory_limit: str,
        spill_directory: str,
        spill_limit: str | None,
        statement: str | None = None,
        sql: str | None = None,
    ) -> None:
        self.memory_limit = memory_limit
        self.spill_directory = spill_directory
        self.spill_limit = spill_limit
        super().__init__(self.explain(), statement=statement, sql=sql)

    def explain(
        self,
        memory_limit: str = "memory_limit",
        spill_limit: str = "spill_limit",
        spill_directory: str = "spill_directory",
    ) -> str:
        """Return what is full and what helps.

        Args:
            memory_limit: How the caller names this setting.
            spill_limit: Likewise.
            spill_directory: Likewise.
        """
        if self.spill_limit is None:
            return (
                f"not enough memory: the limit of {self.memory_limit} is reached, and what is left cannot be moved "
                f"to {self.spill_directory}; allow more with {memory_limit}"
            )
        return (
            f"not enough room: memory (limit {self.memory_limit}) and the spill directory {self.spill_directory} "
            f"(limit {self.spill_limit}) are full; allow more with {memory_limit} or {spill_limit}, or name a "
            f"directory with more room with {spill_directory}"
        )
