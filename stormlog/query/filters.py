"""What a caller may ask for: one frozen dataclass per kind of row.

The promise: a null field is no constraint, every other value is compared exactly, and several values of one field mean
any of them. A value that no row could ever have (another type, a word that is not among the documented ones, a text
that is no time) and values that contradict each other are a ``ValueError``, not an empty answer.

Times are texts as `stormlog.query.parse_time` reads them, nanoseconds since the Unix epoch, seconds with a fraction, or
dates; they are kept in nanoseconds, and are inclusive.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from stormlog._values import frozen_class
from stormlog.query.filter_checks import check_fields, require_not_negative, require_one_of

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date
    from typing import TypeAlias

    #: One word or several, of which any fits.
    Words: TypeAlias = str | Sequence[str] | None
    #: One number or several, of which any fits.
    Numbers: TypeAlias = int | Sequence[int] | None
    #: A time; an object of `date` or `datetime` too.
    Time: TypeAlias = str | int | float | date | None

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

#: Orders of a list of issues, the usual one first; the greatest comes first.
ISSUE_SORTS = ("severity", "last_seen", "first_seen", "hits", "sessions")
#: The same of sessions; ranks come in their order.
SESSION_SORTS = ("started", "ended", "events", "ooms", "rank")
#: The same of events and of OOM bundles.
TIME_SORTS = ("oldest", "newest")


@frozen_class
class SessionFilter:
    """Constraints on session rows.

    Args:
        status: completed, interrupted, incomplete or running.
        has_oom_bundle: Whether the session has an OOM bundle.
        source_kind: sink, telemetry_jsonl, telemetry_json, telemetry_csv or diagnose_bundle.
        since: The session had not ended before; one without an end had when its last event was written.
        until: The session had begun by then.
        run: Id of a run, as view ``runs`` names it, or a job.
        app: Training program that the telemetry names.
        is_dev: True for development; False for the rest, also where the telemetry does not say.
        search: Part of the id, the job, the host, or the path of the source, in upper or lower case.
        sort: started, ended, events, ooms (the greatest first) or rank (the smallest first).
        limit: At most this many rows, 1 or more.
        page: Which page of ``limit`` rows (50 if there is no limit), from 1.

    Raises:
        ValueError: another status or kind of source, a value of another type, or a contradiction.

    Source: docs/python.md#filters.
    """

    session_id: Words = None
    status: Words = None
    job_id: Words = None
    rank: Numbers = None
    world_size: Numbers = None
    has_oom_bundle: bool | None = None
    source_kind: Words = None
    since: Time = None
    until: Time = None
    run: Words = None
    host: Words = None
    app: Words = None
    is_dev: bool | None = None
    search: str | None = None
    sort: str | None = None
    limit: int | None = None
    page: int | None = None

    def __post_init__(self) -> None:
        check_fields(self, sorts=SESSION_SORTS)
        _require_session_status(self.status)
        require_one_of("source_kind", self.source_kind, _SOURCE_KINDS)


@frozen_class
class EventFilter:
    """Constraints on event rows.

    Args:
        status: Status of the event's session: completed, interrupted, incomplete or running.
        time_start_ns: Earliest time, inclusive, in nanoseconds since the Unix epoch; as ``since``.
        time_end_ns: Latest time, inclusive; as ``until``.
        has_alert: Whether the event is an alert.
        collector_health_status: Compared with the metadata value as stored.
        backend: Compared with the metadata value as stored.
        limit: At most this many rows, from the start of the ordered list.
        since: Earliest time.
        until: Latest time.
        run: Id of a run, as view ``runs`` names it, or a job.
        app: Training program that the telemetry of the session names.
        is_dev: True for development; False for the rest, also where the telemetry does not say.
        severity: Compared with the metadata value as stored.
        search: Part of the context, in upper or lower case.
        sort: oldest (the usual order) or newest, which comes first.
        page: Which page of ``limit`` rows (50 if there is no limit), from 1.

    Raises:
        ValueError: ``limit`` is negative, ``status`` another word, a value of another type, or a contradiction.

    Source: docs/python.md#filters.
    """

    session_id: Words = None
    event_type: Words = None
    rank: Numbers = None
    collector: Words = None
    status: Words = None
    time_start_ns: int | None = None
    time_end_ns: int | None = None
    has_alert: bool | None = None
    collector_health_status: Words = None
    backend: Words = None
    limit: int | None = None
    since: Time = None
    until: Time = None
    run: Words = None
    job_id: Words = None
    host: Words = None
    app: Words = None
    is_dev: bool | None = None
    severity: Words = None
    search: str | None = None
    sort: str | None = None
    page: int | None = None

    def __post_init__(self) -> None:
        check_fields(self, sorts=TIME_SORTS, least_limit=0)
        _require_session_status(self.status)


@frozen_class
class OOMBundleFilter:
    """Constraints on OOM bundle rows.

    Args:
        created_after: Earliest time in the manifest, compared as it stands there.
        created_before: Latest time in the manifest, likewise.
        since: Earliest time. A manifest names whole seconds: a bundle of a second that is not yet over then fits.
        until: Latest time.
        run: Id of a run, as view ``runs`` names it, or a job.
        rank: Rank that ran out of memory, as the bundle says, or that of its session.
        app: Training program that the telemetry of the session names.
        is_dev: True for development; False for the rest, also where the telemetry does not say.
        search: Part of the reason, or of the class or the message of the exception, in upper or lower case.
        sort: oldest (the usual order) or newest, which comes first.
        limit: At most this many rows, 1 or more.
        page: Which page of ``limit`` rows (50 if there is no limit), from 1.

    Raises:
        ValueError: a bound is no time, a value of another type, or a contradiction.

    Source: docs/python.md#filters.
    """

    session_id: Words = None
    backend: Words = None
    reason: Words = None
    created_after: Time = None
    created_before: Time = None
    since: Time = None
    until: Time = None
    run: Words = None
    job_id: Words = None
    rank: Numbers = None
    host: Words = None
    app: Words = None
    is_dev: bool | None = None
    search: str | None = None
    sort: str | None = None
    limit: int | None = None
    page: int | None = None

    def __post_init__(self) -> None:
        check_fields(self, sorts=TIME_SORTS)


@frozen_class
class IssueFilter:
    """Constraints on issues.

    An issue fits if one of its hits fits all conditions about time and place (``session_id`` and those from ``since``
    to ``is_dev``) at once. Filters choose among issues, and never change what is counted in them.

    Args:
        kind: Of `stormlog.issues.ISSUE_KINDS`.
        state: Of `stormlog.issues.ISSUE_STATES`.
        severity: Such as critical.
        session_id: Session of a hit.
        since: Earliest time of a hit. Bundles name whole seconds: a second that is not yet over then fits.
        until: Latest time of a hit.
        run: Run of a hit, as view ``runs`` names it, or its job.
        job_id: Job of a hit.
        rank: Rank of a hit; a bundle that does not say has the rank of its session.
        host: Machine of a hit.
        app: Training program of a hit, as the telemetry of its session says.
        is_dev: True for hits of development; False for the rest, also where the telemetry does not say.
        hide_ignored: Leave out issues in state ignored.
        search: Part of the title, of a value that makes or describes the issue, or of the context or the exception
            message of a hit, in upper or lower case.
        sort: severity (the usual order: the worst and latest first), last_seen, first_seen, hits or sessions; the
            greatest first.
        limit: At most this many rows, 1 or more.
        page: Which page of ``limit`` rows (50 if there is no limit), from 1.

    Raises:
        ValueError: another kind or state, a value of another type, or a contradiction.

    Source: docs/python.md#filters.
    """

    fingerprint_id: Words = None
    kind: Words = None
    state: Words = None
    severity: Words = None
    session_id: Words = None
    since: Time = None
    until: Time = None
    run: Words = None
    job_id: Words = None
    rank: Numbers = None
    host: Words = None
    app: Words = None
    is_dev: bool | None = None
    hide_ignored: bool = False
    search: str | None = None
    sort: str | None = None
    limit: int | None = None
    page: int | None = None

    def __post_init__(self) -> None:
        check_fields(self, sorts=ISSUE_SORTS)
        if self.kind is not None:
            from stormlog.issues import ISSUE_KINDS

            require_one_of("kind", self.kind, ISSUE_KINDS)
        if self.state is not None:
            from stormlog.issues import ISSUE_STATES

            require_one_of("state", self.state, ISSUE_STATES)
            states = (self.state,) if isinstance(self.state, str) else self.state
            if self.hide_ignored and "ignored" in states:
                raise ValueError("state 'ignored' asks for what hide_ignored leaves out")


@frozen_class
class AttachmentFilter:
    """Constraints on attachments of sidecars.

    Source: docs/concepts.md#artifacts.
    """

    session_id: Words = None
    job_id: Words = None
    rank: Numbers = None
    kind: Words = None

    def __post_init__(self) -> None:
        check_fields(self)


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
        check_fields(self, takes_several=False, least_limit=0)


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
        check_fields(self, takes_several=False, least_limit=0)


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
        check_fields(self, takes_several=False, least_limit=0)
        if self.scope not in _CORRELATION_SCOPES:
            raise ValueError(f"scope must be 'session' or 'distributed', not {self.scope!r}")
        require_not_negative("window_ns", self.window_ns)


def _require_session_status(values: Words) -> None:
    if values is not None:
        from stormlog.telemetry import SESSION_STATUSES

        require_one_of("status", values, sorted(SESSION_STATUSES))
