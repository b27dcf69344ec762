"""What a look at live runs returns: frozen dataclasses whose ``as_dict()`` keeps the documented key order."""

from __future__ import annotations

from typing import Any, Literal, TypeAlias

from stormlog._readable_times import ReadableDuration, ReadableTime
from stormlog._values import frozen_class
from stormlog.query.run_rows import fields_of

__all__ = ["LiveFailure", "LiveLook", "LiveRank", "LiveRun", "LiveState", "LiveWarning"]

#: What a rank is, the most urgent first.
LiveState: TypeAlias = Literal["failed", "silent", "lost", "running", "ended"]


@frozen_class
class LiveRank:
    """What a rank of a run does now.

    Attributes:
        run_id: Its run.
        attempt: The attempt of the run.
        session_id: Its session.
        rank: The rank; null where a bundle does not say which.
        host: Its machine; null when unknown.
        state: ``failed``, ``silent`` (nothing says that it ended, and it has written nothing for long), ``lost`` (its
            list of sessions calls it interrupted), ``running`` or ``ended``.
        failure_kind: ``oom`` or ``error``; null unless it failed.
        failed_ns: When it failed, nanoseconds since the Unix epoch; null likewise.
        phase: The phase that it is in, names from the outermost one, joined with ``" / "``; null when it is in none, or
            records none.
        device_id: The device that is shown, the fullest of its devices; -1 for no device, null without a sample.
        device_count: Devices that it samples.
        counter: What is shown of it: ``used``, or ``reserved`` or ``allocated`` where that is not known; null without.
        current_bytes: Its value at the last sample; null when unknown.
        peak_bytes: The highest value of the session; null likewise.
        total_bytes: Size of the device, or the limit of the process; null when unknown.
        used_ratio: `current_bytes` of `total_bytes`, 0 to 1; null when either is unknown.
        change_bytes: How much the highest values of the last quarter of the history are above those of its first; null
            with few samples.
        history: The highest value of each part of some time before the last record of the run, in bytes; null where
            there is none.
        history_ns: How long that time is, nanoseconds; null without a sample.
        health_status: What it last said of its collectors, the worst of them; null when it says nothing.
        alert_count: Its alerts.
        event_count: Its records.
        start_ns: When it began, nanoseconds since the Unix epoch; null when unknown.
        last_ns: Time of its last record, likewise.
        age_ns: How long ago that was written, as far as clocks tell, nanoseconds; null when they do not.

    Source: docs/top.md.
    """

    run_id: str
    attempt: int
    session_id: str
    rank: int | None
    host: str | None
    state: LiveState
    failure_kind: Literal["oom", "error"] | None
    failed_ns: int | None
    phase: str | None
    device_id: int | None
    device_count: int
    counter: Literal["used", "reserved", "allocated"] | None
    current_bytes: int | None
    peak_bytes: int | None
    total_bytes: int | None
    used_ratio: float | None
    change_bytes: int | None
    history: tuple[int | None, ...]
    history_ns: int | None
    health_status: str | None
    alert_count: int
    event_count: int
    start_ns: int | None
    last_ns: int | None
    age_ns: int | None
    failed = ReadableTime()
    start = ReadableTime()
    last = ReadableTime()
    age = ReadableDuration()

    def as_dict(self) -> dict[str, Any]:
        """Return all fields in order, tuples as lists."""
        return fields_of(self)


@frozen_class
class LiveRun:
    """A run that is followed.

    Attributes:
        run_id: The run.
        attempt: Its latest attempt, which is the one that is followed.
        job_id: Its distributed job; null when there is none.
        app: Its program; null when the telemetry does not say.
        code_version: The version of its code; null likewise.
        world_size: Ranks that it should have; null when unknown.
        rank_count: Ranks that wrote something.
        state_counts: State -> ranks.
        has_ended: Whether no rank writes any more, and something shows why: each has failed, ended or is lost, or one
            has failed and the others are silent.
        start_ns: When it began, nanoseconds since the Unix epoch; null when unknown.
        last_ns: Time of its last record, likewise.
    """

    run_id: str
    attempt: int
    job_id: str | None
    app: str | None
    code_version: str | None
    world_size: int | None
    rank_count: int
    state_counts: dict[str, int]
    has_ended: bool
    start_ns: int | None
    last_ns: int | None
    start = ReadableTime()
    last = ReadableTime()

    def as_dict(self) -> dict[str, Any]:
        """Return all fields in order."""
        return fields_of(self)


@frozen_class
class LiveWarning:
    """An alert, or a trouble of a collector.

    Attributes:
        timestamp_ns: When, nanoseconds since the Unix epoch.
        session_id: Its session.
        rank: Its rank.
        kind: ``alert`` or ``collector_degradation``.
        severity: ``critical``, ``error``, ``warning``, ``info``, or any word that it names.
        message: Its text, cut off after 1000 characters; null without.
        segment_path: File that holds the record.
        line_number: Line in that file.
    """

    timestamp_ns: int
    session_id: str
    rank: int
    kind: str
    severity: str
    message: str | None
    segment_path: str
    line_number: int
    timestamp = ReadableTime()

    def as_dict(self) -> dict[str, Any]:
        """Return all fields in order."""
        return fields_of(self)


@frozen_class
class LiveFailure:
    """A failure of a rank.

    Attributes:
        timestamp_ns: When, nanoseconds since the Unix epoch; null when unknown.
        run_id: Its run.
        session_id: Its session.
        rank: Its rank; null where a bundle does not say which.
        kind: ``oom`` or ``error``.
        survived: Whether the rank went on for long after it.
        message: What its exception or its record says, cut off after 1000 characters; null without.
        bundle_path: The OOM bundle of it; null without.
        segment_path: File that holds the record; null where only a bundle tells of it.
        line_number: Line in that file, likewise.
    """

    timestamp_ns: int | None
    run_id: str
    session_id: str
    rank: int | None
    kind: Literal["oom", "error"]
    survived: bool
    message: str | None
    bundle_path: str | None
    segment_path: str | None
    line_number: int | None
    timestamp = ReadableTime()

    def as_dict(self) -> dict[str, Any]:
        """Return all fields in order."""
        return fields_of(self)


@frozen_class
class LiveLook:
    """What live runs did at a moment.

    Attributes:
        looked_ns: When that was, nanoseconds since the Unix epoch.
        runs: The runs that are followed: those that go on first, then what needs attention first.
        ranks: Their ranks, run by run; what needs attention first.
        warnings: The latest alerts and troubles of collectors of these runs, the latest first.
        failures: The latest failures of these runs, likewise.
        older_run_count: Runs that are left out because they wrote nothing for long.
    """

    looked_ns: int
    runs: list[LiveRun]
    ranks: list[LiveRank]
    warnings: list[LiveWarning]
    failures: list[LiveFailure]
    older_run_count: int
    looked = ReadableTime()

    def as_dict(self) -> dict[str, Any]:
        """Return all fields in order, rows as dictionaries."""
        lists = ("runs", "ranks", "warnings", "failures")
        rows = {name: [row.as_dict() for row in getattr(self, name)] for name in lists}
        return {**fields_of(self), **rows}
