"""What a caller may ask for: one frozen dataclass per kind of row.

The promise: a null field is no constraint, every other value is compared exactly.
"""

from __future__ import annotations

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


@frozen_class
class SessionFilter:
    """Constraints on session rows; ``has_oom_bundle`` asks for a bundle count above zero.

    Source: docs/concepts.md#sessions.
    """

    session_id: str | None = None
    status: str | None = None
    job_id: str | None = None
    rank: int | None = None
    world_size: int | None = None
    has_oom_bundle: bool | None = None
    source_kind: str | None = None


@frozen_class
class EventFilter:
    """Constraints on event rows.

    Args:
        status: Status of the event's session.
        time_start_ns: Earliest time, inclusive, in nanoseconds since the Unix epoch.
        time_end_ns: Latest time, inclusive.
        has_alert: Whether the event is an alert.
        collector_health_status: Compared with the metadata value as stored.
        backend: Compared with the metadata value as stored.
        limit: At most this many rows, from the start of the ordered list.

    Raises:
        ValueError: ``limit`` is negative.

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
        _require_not_negative("limit", self.limit)


@frozen_class
class OOMBundleFilter:
    """Constraints on OOM bundle rows.

    Args:
        created_after: ISO date, inclusive; a text that is no date is no constraint.
        created_before: ISO date, inclusive; a text that is no date is no constraint.

    Source: docs/concepts.md#artifacts.
    """

    session_id: str | None = None
    backend: str | None = None
    reason: str | None = None
    created_after: str | None = None
    created_before: str | None = None


@frozen_class
class IssueFilter:
    """Constraints on issues; ``session_id`` must be among the affected sessions.

    Source: docs/concepts.md#issues.
    """

    fingerprint_id: str | None = None
    kind: str | None = None
    state: str | None = None
    severity: str | None = None
    session_id: str | None = None


@frozen_class
class AttachmentFilter:
    """Constraints on attachments of sidecars.

    Source: docs/concepts.md#artifacts.
    """

    session_id: str | None = None
    job_id: str | None = None
    rank: int | None = None
    kind: str | None = None


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
        ValueError: unknown scope, or a negative ``window_ns`` or ``limit``.

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
        if self.scope not in _CORRELATION_SCOPES:
            raise ValueError(f"scope must be 'session' or 'distributed', not {self.scope!r}")
        _require_not_negative("window_ns", self.window_ns)
        _require_not_negative("limit", self.limit)


def _require_not_negative(name: str, value: int | None) -> None:
    if value is not None and value < 0:
        raise ValueError(f"{name} must be 0 or more, not {value}")
