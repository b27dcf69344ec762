"""Rows that queries answer: frozen dataclasses whose ``as_dict()`` keeps the documented key order."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from stormlog._readable_times import ReadableTime
from stormlog._values import frozen_class

if TYPE_CHECKING:
    from stormlog.query.documents import EventDocument
    from stormlog.telemetry import AnyTelemetryEvent

__all__ = ["EventRow", "Reject", "SessionRow", "SkippedLines"]


@frozen_class
class SessionRow:
    """One session as one source knows it.

    Args:
        started_at_ns: Nanoseconds since the Unix epoch.
        ended_at_ns: The same, null while it runs.
        source: What wrote the session.
        source_path: Sink directory, flat file or bundle directory.
        source_count: Files that hold the session.
        warning_count: Warnings about its events.
        event_count: Null where events are not kept.
        oom_bundle_count: Bundles in the catalog that name the session.

    Source: docs/concepts.md#sessions.
    """

    session_id: str
    status: str
    started_at_ns: int
    ended_at_ns: int | None
    host: str
    pid: int
    job_id: str | None
    rank: int
    local_rank: int
    world_size: int
    source: str
    source_path: str
    source_kind: str
    source_count: int
    warning_count: int
    event_count: int | None
    oom_bundle_count: int
    started_at = ReadableTime()
    ended_at = ReadableTime()

    def as_dict(self) -> dict[str, Any]:
        """Return all fields in order."""
        return {name: getattr(self, name) for name in self.__dataclass_fields__}


@frozen_class
class EventRow:
    """One event with where it comes from.

    Args:
        event: The event.
        source_path: First file that holds the event's session.
        source_kind: Kind of the source.
        session_status: Status of the event's session.

    Source: docs/concepts.md#events.
    """

    event: AnyTelemetryEvent
    source_path: str
    source_kind: str
    session_status: str

    def as_dict(self) -> EventDocument:
        """Return the keys of the event, then the three others."""
        # Not imported for those who only list sessions.
        from stormlog.telemetry import telemetry_event_to_dict

        return cast(
            "EventDocument",
            {
                **telemetry_event_to_dict(self.event),
                "source_path": self.source_path,
                "source_kind": self.source_kind,
                "session_status": self.session_status,
            },
        )


@frozen_class
class Reject:
    """A line, row or item that was skipped.

    Args:
        path: The file.
        line_number: Physical line from 1; row of a CSV or Parquet file, item of a JSON list.
        reason: Reason for programs, details after a colon.
        message: The same for people.
        excerpt: Start of the line.

    Source: docs/concepts.md#bad-input.
    """

    path: str
    line_number: int
    reason: str
    message: str
    excerpt: str

    def as_dict(self) -> dict[str, Any]:
        """Return all fields in order."""
        return {name: getattr(self, name) for name in self.__dataclass_fields__}


@frozen_class
class SkippedLines:
    """The lines of one file that were skipped.

    Args:
        path: The file.
        line_count: Number of these lines.
        line_number: The first of them; null where too many were skipped to tell of each file.
        message: Why that one was skipped, for people.

    Source: docs/bad-input.md.
    """

    path: str
    line_count: int
    line_number: int | None
    message: str | None

    @property
    def sentence(self) -> str:
        """How many lines were skipped, where and why: what follows the path in a warning."""
        text = f"{self.line_count:,} {'line' if self.line_count == 1 else 'lines'} skipped"
        if self.line_number is None:
            return text
        place = "line" if self.line_count == 1 else "the first at line"
        return f"{text}, {place} {self.line_number}: {self.message}"
