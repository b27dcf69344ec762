"""What an export is made of, and what it reports."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from stormlog._readable_times import ReadableTime
from stormlog._values import frozen_class

if TYPE_CHECKING:
    from stormlog.engine import Settings, SnapshotCursor

__all__ = ["ExportReport", "ExportSource", "ExportedView"]


@frozen_class
class ExportSource:
    """What is exported: the views of a store at one moment.

    Attributes:
        cursor: Sees the views; it belongs to the caller.
        settings: How much of the machine to use.
        paths: The opened paths, as they were named.
        states: Fingerprint id -> state of all issues that are not simply open.
    """

    cursor: SnapshotCursor
    settings: Settings
    paths: tuple[str, ...]
    states: Mapping[str, str]


@frozen_class
class ExportedView:
    """One view in an export.

    Attributes:
        view: Its name.
        row_count: Rows that were written; None for a view that was not asked for.
        left_out_count: Rows that the view has and the export has not; None for a view that was not asked for.
        left_out: What was left out; None if nothing was.
    """

    view: str
    row_count: int | None
    left_out_count: int | None
    left_out: str | None

    def as_dict(self) -> dict[str, Any]:
        """Return its fields, JSON-ready."""
        return {name: getattr(self, name) for name in self.__dataclass_fields__}


@frozen_class
class ExportReport:
    """What was written.

    Attributes:
        target: The file or directory.
        format: ``duckdb``, ``sqlite`` or ``parquet``.
        size_bytes: Its size.
        row_count: Rows of all views.
        since_ns: Time before which rows were left out, nanoseconds since the Unix epoch; None for all.
        newest_ns: Time of the newest event; None if there is none.
        skipped_count: Lines, rows and items that could not be read; the table ``rejects`` says where and why.
        warning_count: What was skipped as a whole; the table ``catalog_warnings`` has it.
        views: Every public view by name, with what was left out of it.
    """

    target: str
    format: str
    size_bytes: int
    row_count: int
    since_ns: int | None
    newest_ns: int | None
    skipped_count: int
    warning_count: int
    views: tuple[ExportedView, ...]
    since = ReadableTime()
    newest = ReadableTime()

    def as_dict(self) -> dict[str, Any]:
        """Return its fields, JSON-ready."""
        values = {name: getattr(self, name) for name in self.__dataclass_fields__}
        return {**values, "views": [view.as_dict() for view in self.views]}
