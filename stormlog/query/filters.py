"""What a caller may ask for: one frozen dataclass per kind of row.

The promise: a null field is no constraint, every other value is compared exactly. A value that no row could ever
have (another type, a word that is not among the documented ones, a date that is none) is a ``ValueError``, not an
empty answer.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from stormlog._values import frozen_class

__all__ = [
    "AttachmentFilter",
    "CorrelationFilter",
    "EventFilter",
    "IssueFilter",
    "OOMBundleFilter",
    "RunAttachmentFilter",
    "RunFilter",
    "SessionFilter",
]

_CORRELATION_SCOPES = ("session", "distributed")
_SOURCE_KINDS = ("sink", "telemetry_jsonl", "telemetry_json", "telemetry_csv", "diagnose_bundle")
_INTEGERS = ("rank", "world_size", "time_start_ns", "time_end_ns", "at_ns", "window_ns", "limit")
_BOOLEANS = ("has_oom_bundle", "has_alert")


@frozen_class
class SessionFilter:
    """Constraints on session rows.

    Args:
        status: completed, interrupted, incomplete or running.
        has_oom_bundle: Whether the session has an OOM bundle.
        source_kind: sink, telemetry_jsonl, telemetry_json, telemetry_csv or diagnose_bundle.

    Raises:
        ValueError: another status or kind of source, or a value of another type.

    Source: docs/concepts.md#sessions.
    """

    session_id: str | None = None
    status: str | None = None
    job_id: str | None = None
    rank: int | None = None
    world_size: int | None = None
    has_oom_bundle: bool | None = None
    source_kind: str | None = None

    def __post_init__(self) -> None:
        _require_types(self)
        _require_session_status(self.status)
        _require_one_of("source_kind", self.source_kind, _SOURCE_KINDS)


@frozen_class
class EventFilter:
    """Constraints on event rows.

    Args:
        status: Status of the event's session: completed, interrupted, incomplete or running.
        time_start_ns: Earliest time, inclusive, in nanoseconds since the Unix epoch.
        time_end_ns: Latest time, inclusive.
        has_alert: Whether the event is an alert.
        collector_health_status: Compared with the metadata value as stored.
        backend: Compared with the metadata value as stored.
        limit: At most this many rows, from the start of the ordered list.

    Raises:
        ValueError: ``limit`` is negative, ``status`` another word, or a value of another type.

    Source: docs/concepts.md#events.
    """

    session_id: str | None = None
    event_type: str | None = None
    rank: int | None = None
    collector: str | None = None
    status: str | None = None
    time_start_ns: int | None = None
    time_end_ns: int | None = None
    has_alert: bool | None = None
    collector_health_status: str | None = None
    backend: str | None = None
    limit: int | None = None

    def __post_init__(self) -> None:
        _require_types(self)
        _require_session_status(self.status)
        _require_not_negative("limit", self.limit)


@frozen_class
class OOMBundleFilter:
    """Constraints on OOM bundle rows.

    Args:
        created_after: ISO date or time, inclusive; UTC where it names no offset.
        created_before: Likewise.

    Raises:
        ValueError: a bound is no date, or a value of another type.

    Source: docs/concepts.md#artifacts.
    """

    session_id: str | None = None
    backend: str | None = None
    reason: str | None = None
    created_after: str | None = None
    created_before: str | None = None

    def __post_init__(self) -> None:
        _require_types(self)
        _require_date("created_after", self.created_after)
        _require_date("created_before", self.created_before)


@frozen_class
class IssueFilter:
    """Constraints on issues.

    Args:
        kind: One of `stormlog.issues.ISSUE_KINDS`.
        state: One of `stormlog.issues.ISSUE_STATES`.
        session_id: Must be among the affected sessions.

    Raises:
        ValueError: another kind or state, or a value of another type.

    Source: docs/concepts.md#issues.
    """

    fingerprint_id: str | None = None
    kind: str | None = None
    state: str | None = None
    severity: str | None = None
    session_id: str | None = None

    def __post_init__(self) -> None:
        _require_types(self)
        if self.kind is not None:
            from stormlog.issues import ISSUE_KINDS

            _require_one_of("kind", self.kind, ISSUE_KINDS)
        if self.state is not None:
            from stormlog.issues import ISSUE_STATES

            _require_one_of("state", self.state, ISSUE_STATES)


@frozen_class
class AttachmentFilter:
    """Constraints on attachments of sidecars.

    Source: docs/concepts.md#artifacts.
    """

    session_id: str | None = None
    job_id: str | None = None
    rank: int | None = None
    kind: str | None = None

    def __post_init__(self) -> None:
        _require_types(self)


@frozen_class
class RunFilter:
    """Constraints on runs; ``session_id`` and ``rank`` must be among those of the run.

    Source: docs/concepts.md#catalog.
    """

    run_id: str | None = None
    session_id: str | None = None
    job_id: str | None = None
    rank: int | None = None
    source_namespace: str | None = None
    source_ref: str | None = None

    def __post_init__(self) -> None:
        _require_types(self)


@frozen_class
class RunAttachmentFilter:
    """Constraints on what is attached to runs.

    Source: docs/concepts.md#catalog.
    """

    run_id: str | None = None
    session_id: str | None = None
    job_id: str | None = None
    rank: int | None = None
    kind: str | None = None
    source_namespace: str | None = None
    source_ref: str | None = None

    def __post_init__(self) -> None:
        _require_types(self)


@frozen_class
class CorrelationFilter:
    """The moment to explain and how far around it to look.

    Args:
        scope: ``session`` or ``distributed``.
        at_ns: The moment, in nanoseconds since the Unix epoch.
        record_id: A projected record that stands for the moment.
        window_ns: Nanoseconds to either side.
        kinds: Kinds of evidence to keep; empty keeps all.
        limit: At most this many pieces of evidence.

    Raises:
        ValueError: unknown scope, a negative ``window_ns`` or ``limit``, or a value of another type.

    Source: docs/concepts.md#catalog.
    """

    session_id: str | None = None
    job_id: str | None = None
    rank: int | None = None
    scope: str = "session"
    at_ns: int | None = None
    record_id: str | None = None
    window_ns: int = 60_000_000_000
    kinds: tuple[str, ...] = ()
    limit: int | None = None

    def __post_init__(self) -> None:
        _require_types(self)
        if self.scope not in _CORRELATION_SCOPES:
            raise ValueError(f"scope must be 'session' or 'distributed', not {self.scope!r}")
        _require_not_negative("window_ns", self.window_ns)
        _require_not_negative("limit", self.limit)


def _require_types(filters: Any) -> None:
    """Refuse values that cannot be compared with their column."""
    for name in filters.__dataclass_fields__:
        value = getattr(filters, name)
        if value is None or name == "kinds":
            continue
        if name in _BOOLEANS:
            _require(isinstance(value, bool), name, "True or False", value)
        elif name in _INTEGERS:
            # Numbers of NumPy are integers too.
            is_integer = hasattr(value, "__index__") and not isinstance(value, bool)
            _require(is_integer and -(2**63) <= value < 2**63, name, "an integer of 64 bits", value)
        else:
            _require(isinstance(value, str), name, "text", value)


def _require_session_status(value: str | None) -> None:
    if value is not None:
        from stormlog.telemetry import SESSION_STATUSES

        _require_one_of("status", value, sorted(SESSION_STATUSES))


def _require_one_of(name: str, value: str | None, known: Iterable[str]) -> None:
    if value is not None and value not in known:
        raise ValueError(f"unknown {name} {value!r}: choose from {', '.join(known)}")


def _require_date(name: str, value: str | None) -> None:
    if value is not None:
        from stormlog.issues import parse_datetime

        wanted = "an ISO date or time such as 2026-11-26 or 2026-11-26T10:00:00Z"
        _require(parse_datetime(value) is not None, name, wanted, value)


def _require_not_negative(name: str, value: int | None) -> None:
    _require(value is None or value >= 0, name, "0 or more", value)


def _require(holds: bool, name: str, wanted: str, value: object) -> None:
    if not holds:
        raise ValueError(f"{name} must be {wanted}, not {value!r}")
