"""Session summaries: who ran, from when to when, and how it ended.

Source: docs/concepts.md#sessions.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterable, Mapping
from dataclasses import replace
from operator import attrgetter
from typing import Any, Protocol, TypeVar

from stormlog._readable_times import ReadableTime
from stormlog._values import frozen_class
from stormlog.telemetry.checks import is_non_blank_text
from stormlog.telemetry.errors import TelemetryRecordError

__all__ = [
    "SESSION_STATUSES",
    "SESSION_STATUS_COMPLETED",
    "SESSION_STATUS_INCOMPLETE",
    "SESSION_STATUS_INTERRUPTED",
    "SESSION_STATUS_RUNNING",
    "SessionSummary",
    "create_session_summary",
    "finalize_session_summary",
    "infer_session_summary_from_events",
    "new_session_id",
    "normalize_session_status",
    "now_ns",
    "pick_session_id",
    "select_default_loaded_session",
    "select_default_session",
    "session_summary_from_dict",
    "session_summary_to_dict",
    "sort_session_summaries",
    "stable_legacy_session_id",
    "update_session_summary",
]

SESSION_STATUS_RUNNING = "running"
SESSION_STATUS_COMPLETED = "completed"
SESSION_STATUS_INTERRUPTED = "interrupted"
SESSION_STATUS_INCOMPLETE = "incomplete"
SESSION_STATUSES = frozenset(
    {SESSION_STATUS_RUNNING, SESSION_STATUS_COMPLETED, SESSION_STATUS_INTERRUPTED, SESSION_STATUS_INCOMPLETE}
)
_SELECTION_RANK = {
    SESSION_STATUS_COMPLETED: 0,
    SESSION_STATUS_INTERRUPTED: 1,
    SESSION_STATUS_INCOMPLETE: 2,
    SESSION_STATUS_RUNNING: 3,
}
_KEEP: Any = object()


@frozen_class
class SessionSummary:
    """One session; times are nanoseconds since the Unix epoch, ``ended_at_ns`` is null while unknown."""

    session_id: str
    status: str
    started_at_ns: int
    ended_at_ns: int | None
    host: str
    pid: int
    job_id: str | None = None
    rank: int = 0
    local_rank: int = 0
    world_size: int = 1
    source: str = "stormlog.session"
    started_at = ReadableTime()
    ended_at = ReadableTime()


class _HasSummary(Protocol):
    @property
    def summary(self) -> SessionSummary: ...


_SessionLike = TypeVar("_SessionLike", bound="SessionSummary | _HasSummary")


def now_ns() -> int:
    """Return the wall clock in nanoseconds since the Unix epoch."""
    return time.time_ns()


def new_session_id() -> str:
    """Return a fresh random session id."""
    import uuid  # Late: readers of sinks never make ids.

    return str(uuid.uuid4())


def stable_legacy_session_id(*parts: object) -> str:
    """Return the id that stands for records without one; equal parts give equal ids.

    Args:
        parts: Anything with a text form; nulls are left out.

    Returns:
        ``legacy-`` and a name-based UUID.
    """
    # Late: only records without a session come here.
    import hashlib
    import uuid

    name = "::".join(str(part) for part in parts if part is not None)
    # Spelled out because uuid5() refuses the undecodable bytes that a file name may carry.
    digest = hashlib.sha1(
        uuid.NAMESPACE_URL.bytes + name.encode("utf-8", "surrogatepass"), usedforsecurity=False
    ).digest()
    return f"legacy-{uuid.UUID(bytes=digest[:16], version=5)}"


def pick_session_id(
    record: Mapping[str, Any], metadata: Mapping[str, Any], default_session_id: str | None
) -> str:
    """Return the session id of a record: its own, its metadata's, the default, or a stable one.

    A blank or non-text id counts as none, and it keeps the metadata from being asked.
    """
    found = record.get("session_id")
    if found is None:
        found = metadata.get("session_id")
    if is_non_blank_text(found):
        return found
    if default_session_id is not None:
        return default_session_id
    moment = record["timestamp_ns"] if "timestamp_ns" in record else record.get("timestamp", "unknown")
    return stable_legacy_session_id(moment, record.get("host", "unknown"), record.get("pid", -1))


def normalize_session_status(value: object) -> str:
    """Return ``value`` trimmed and in lower case if that is one of the four statuses.

    Raises:
        TelemetryRecordError: ``status_blank`` or ``unsupported_status:<value>``.
    """
    if not is_non_blank_text(value):
        raise TelemetryRecordError("status_blank", "the session status must be text that is not blank")
    status = value.strip().lower()
    if status not in SESSION_STATUSES:
        raise TelemetryRecordError(
            f"unsupported_status:{value}",
            f"session status {value!r} is none of {', '.join(sorted(SESSION_STATUSES))}",
        )
    return status


def create_session_summary(
    *,
    source: str,
    status: str = SESSION_STATUS_RUNNING,
    session_id: str | None = None,
    started_at_ns: int | None = None,
    ended_at_ns: int | None = None,
    host: str | None = None,
    pid: int | None = None,
    job_id: str | None = None,
    rank: int = 0,
    local_rank: int = 0,
    world_size: int = 1,
) -> SessionSummary:
    """Return a summary of this process, starting now, for whatever is not given.

    Raises:
        TelemetryRecordError: the status is not one of the four.
    """
    if not host:
        # Only writers come here, so that readers need not wait for this import.
        import socket

        host = socket.gethostname()
    return SessionSummary(
        session_id=session_id or new_session_id(),
        status=normalize_session_status(status),
        started_at_ns=now_ns() if started_at_ns is None else started_at_ns,
        ended_at_ns=ended_at_ns,
        host=host,
        pid=os.getpid() if pid is None else pid,
        job_id=job_id,
        rank=rank,
        local_rank=local_rank,
        world_size=world_size,
        source=source,
    )


def update_session_summary(
    summary: SessionSummary,
    *,
    status: str | None = None,
    ended_at_ns: int | object | None = _KEEP,
    source: str | None = None,
) -> SessionSummary:
    """Return a copy with the given values replaced; ``ended_at_ns=None`` clears the end.

    Raises:
        TelemetryRecordError: the status is not one of the four.
    """
    changes: dict[str, Any] = {}
    if status is not None:
        changes["status"] = normalize_session_status(status)
    if ended_at_ns is not _KEEP:
        changes["ended_at_ns"] = ended_at_ns
    if source is not None:
        changes["source"] = source
    return replace(summary, **changes)


def finalize_session_summary(summary: SessionSummary, *, ended_at_ns: int | None = None) -> SessionSummary:
    """Return a copy that has ended (now, unless said): a running session becomes completed."""
    running = summary.status == SESSION_STATUS_RUNNING
    return replace(
        summary,
        status=SESSION_STATUS_COMPLETED if running else summary.status,
        ended_at_ns=now_ns() if ended_at_ns is None else ended_at_ns,
    )


def session_summary_to_dict(summary: SessionSummary) -> dict[str, Any]:
    """Return the 11 fields in their order."""
    return {
        "session_id": summary.session_id,
        "status": summary.status,
        "started_at_ns": summary.started_at_ns,
        "ended_at_ns": summary.ended_at_ns,
        "host": summary.host,
        "pid": summary.pid,
        "job_id": summary.job_id,
        "rank": summary.rank,
        "local_rank": summary.local_rank,
        "world_size": summary.world_size,
        "source": summary.source,
    }


def session_summary_from_dict(payload: Mapping[str, Any]) -> SessionSummary:
    """Read a summary leniently: numbers may be text or floats, unknown keys are ignored.

    Raises:
        TelemetryRecordError: a text is missing, the status is unknown, or a number is none.
    """
    if not isinstance(payload, Mapping):
        raise TelemetryRecordError(
            "summary_not_object", f"a session summary must be an object, not {type(payload).__name__}"
        )
    session_id = _summary_text(payload, "session_id")
    source = _summary_text(payload, "source")
    status = normalize_session_status(payload.get("status"))
    if payload.get("started_at_ns") is None:
        raise TelemetryRecordError("started_at_missing", "a session summary needs started_at_ns")
    ended = payload.get("ended_at_ns")
    return SessionSummary(
        session_id=session_id,
        status=status,
        started_at_ns=_summary_number(payload["started_at_ns"], "started_at_ns"),
        ended_at_ns=None if ended is None else _summary_number(ended, "ended_at_ns"),
        host=_summary_text(payload, "host"),
        pid=_summary_number(payload.get("pid", -1), "pid"),
        job_id=payload.get("job_id"),
        rank=_summary_number(payload.get("rank", 0), "rank"),
        local_rank=_summary_number(payload.get("local_rank", 0), "local_rank"),
        world_size=max(1, _summary_number(payload.get("world_size", 1), "world_size")),
        source=source,
    )


def infer_session_summary_from_events(
    *,
    session_id: str,
    events: Iterable[Any],
    source: str,
    fallback_status: str = SESSION_STATUS_INCOMPLETE,
) -> SessionSummary:
    """Describe a session that no ledger describes.

    Args:
        session_id: Its id.
        events: Its events in any order; without any, the summary is about this process and now.
        source: Where they come from.
        fallback_status: Status of a session without a ``stop`` event.

    Returns:
        Identity and start of the earliest event; ended at the last ``stop``, if there is one.

    Raises:
        TelemetryRecordError: the fallback status is not one of the four.
    """
    status = normalize_session_status(fallback_status)
    ordered = sorted(events, key=attrgetter("timestamp_ns"))
    if not ordered:
        return create_session_summary(source=source, status=status, session_id=session_id)
    first = ordered[0]
    stop = next((event for event in reversed(ordered) if event.event_type == "stop"), None)
    return SessionSummary(
        session_id=session_id,
        status=status if stop is None else SESSION_STATUS_COMPLETED,
        started_at_ns=first.timestamp_ns,
        ended_at_ns=None if stop is None else stop.timestamp_ns,
        host=first.host,
        pid=first.pid,
        job_id=first.job_id,
        rank=first.rank,
        local_rank=first.local_rank,
        world_size=first.world_size,
        source=source,
    )


def sort_session_summaries(summaries: Iterable[SessionSummary]) -> list[SessionSummary]:
    """Return summaries in selection order: completed first, then the most recent."""
    return sorted(summaries, key=session_selection_key)


def select_default_session(sessions: Iterable[_SessionLike]) -> _SessionLike | None:
    """Return the first in selection order of summaries, or of objects with a ``summary``; None of none."""
    return min(sessions, key=_selection_key_of, default=None)


def select_default_loaded_session(sessions: Iterable[Any]) -> Any | None:
    """Return the default among loaded sessions, those with events before those without."""
    candidates = list(sessions)
    return select_default_session([session for session in candidates if session.events] or candidates)


def session_selection_key(summary: SessionSummary) -> tuple[int, int, int, str]:
    """Return the sort key of the selection order."""
    # An end of 0 counts as no end.
    recent = summary.ended_at_ns or summary.started_at_ns
    return (_SELECTION_RANK[summary.status], -recent, -summary.started_at_ns, summary.session_id)


def _selection_key_of(session: SessionSummary | _HasSummary) -> tuple[int, int, int, str]:
    return session_selection_key(session if isinstance(session, SessionSummary) else session.summary)


def _summary_text(payload: Mapping[str, Any], field: str) -> str:
    value = payload.get(field)
    if not is_non_blank_text(value):
        raise TelemetryRecordError(
            f"blank_or_missing_string:{field}", f"{field} of a session summary must be text that is not blank"
        )
    return value


def _summary_number(value: Any, field: str) -> int:
    try:
        return int(value)
    except (TypeError, ValueError, OverflowError) as error:
        raise TelemetryRecordError(
            f"not_integer:{field}", f"{field} of a session summary must be a number, not {value!r:.60}"
        ) from error
