"""The event classes and their serialised form.

Events are plain, mutable dataclasses that check themselves once, when they are made.

Source: docs/concepts.md#events.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, TypeAlias

from stormlog._readable_times import ReadableTime
from stormlog.telemetry.capabilities import check_memory_capabilities
from stormlog.telemetry.checks import require_integer
from stormlog.telemetry.errors import TelemetryRecordError
from stormlog.telemetry.identity import complete_identity
from stormlog.telemetry.schema import (
    SCHEMA_VERSION_LATEST,
    SCHEMA_VERSION_V2,
    SCHEMA_VERSION_V3,
    SCHEMA_VERSION_V4,
    UNKNOWN_HOST,
    UNKNOWN_PID,
)
from stormlog.telemetry.validation import check_fields

__all__ = [
    "SCHEMA_VERSION_LATEST",
    "SCHEMA_VERSION_V2",
    "SCHEMA_VERSION_V3",
    "SCHEMA_VERSION_V4",
    "UNKNOWN_HOST",
    "UNKNOWN_PID",
    "AnyTelemetryEvent",
    "TelemetryEvent",
    "TelemetryEventV2",
    "TelemetryEventV3",
    "TelemetryEventV4",
    "telemetry_event_to_dict",
]


@dataclass
class TelemetryEventV2:
    """A version 2 event: version 3 without a session id.

    Raises:
        TelemetryRecordError: a field breaks a rule; bytes and nanoseconds are integers from 0.
    """

    schema_version: int
    timestamp_ns: int
    event_type: str
    collector: str
    sampling_interval_ms: int
    pid: int
    host: str
    device_id: int
    allocator_allocated_bytes: int
    allocator_reserved_bytes: int
    allocator_active_bytes: int | None
    allocator_inactive_bytes: int | None
    allocator_change_bytes: int
    device_used_bytes: int
    device_free_bytes: int | None
    device_total_bytes: int | None
    context: str | None
    job_id: str | None = None
    rank: int = 0
    local_rank: int = 0
    world_size: int = 1
    metadata: dict[str, Any] = field(default_factory=dict)
    timestamp = ReadableTime()

    def __post_init__(self) -> None:
        _check_event(self, SCHEMA_VERSION_V2)


@dataclass
class TelemetryEventV3:
    """A version 3 event, the form that conversion yields.

    Raises:
        TelemetryRecordError: a field breaks a rule; bytes and nanoseconds are integers from 0.
    """

    schema_version: int
    session_id: str
    timestamp_ns: int
    event_type: str
    collector: str
    sampling_interval_ms: int
    pid: int
    host: str
    device_id: int
    allocator_allocated_bytes: int
    allocator_reserved_bytes: int
    allocator_active_bytes: int | None
    allocator_inactive_bytes: int | None
    allocator_change_bytes: int
    device_used_bytes: int
    device_free_bytes: int | None
    device_total_bytes: int | None
    context: str | None
    job_id: str | None = None
    rank: int = 0
    local_rank: int = 0
    world_size: int = 1
    metadata: dict[str, Any] = field(default_factory=dict)
    timestamp = ReadableTime()

    def __post_init__(self) -> None:
        _check_event(self, SCHEMA_VERSION_V3)


@dataclass
class TelemetryEventV4:
    """A version 4 event: every counter may be unknown, and ``metadata`` says which are supported.

    Raises:
        TelemetryRecordError: a field breaks a rule, or ``metadata.memory_capabilities`` does.
    """

    schema_version: int
    session_id: str
    timestamp_ns: int
    event_type: str
    collector: str
    sampling_interval_ms: int
    pid: int
    host: str
    device_id: int
    allocator_allocated_bytes: int | None
    allocator_reserved_bytes: int | None
    allocator_active_bytes: int | None
    allocator_inactive_bytes: int | None
    allocator_change_bytes: int | None
    device_used_bytes: int | None
    device_free_bytes: int | None
    device_total_bytes: int | None
    context: str | None
    job_id: str | None = None
    rank: int = 0
    local_rank: int = 0
    world_size: int = 1
    metadata: dict[str, Any] = field(default_factory=dict)
    timestamp = ReadableTime()

    def __post_init__(self) -> None:
        _check_event(self, SCHEMA_VERSION_V4)


TelemetryEvent: TypeAlias = TelemetryEventV3
AnyTelemetryEvent: TypeAlias = TelemetryEventV3 | TelemetryEventV4


def telemetry_event_to_dict(event: AnyTelemetryEvent | TelemetryEventV2) -> dict[str, Any]:
    """Return the event as a record: 23 keys in written order (22 for version 2), metadata copied once."""
    values = {
        "schema_version": event.schema_version,
        "session_id": getattr(event, "session_id", None),
        "timestamp_ns": event.timestamp_ns,
        "event_type": event.event_type,
        "collector": event.collector,
        "sampling_interval_ms": event.sampling_interval_ms,
        "pid": event.pid,
        "host": event.host,
        "job_id": event.job_id,
        "rank": event.rank,
        "local_rank": event.local_rank,
        "world_size": event.world_size,
        "device_id": event.device_id,
        "allocator_allocated_bytes": event.allocator_allocated_bytes,
        "allocator_reserved_bytes": event.allocator_reserved_bytes,
        "allocator_active_bytes": event.allocator_active_bytes,
        "allocator_inactive_bytes": event.allocator_inactive_bytes,
        "allocator_change_bytes": event.allocator_change_bytes,
        "device_used_bytes": event.device_used_bytes,
        "device_free_bytes": event.device_free_bytes,
        "device_total_bytes": event.device_total_bytes,
        "context": event.context,
        "metadata": dict(event.metadata),
    }
    if isinstance(event, TelemetryEventV2):
        del values["session_id"]
    return values


def build_checked_event(
    version: int,
    record: dict[str, Any],
    session_id: str,
    identity: tuple[str | None, int, int, int],
    metadata: dict[str, Any],
) -> AnyTelemetryEvent:
    """Make an event from a record that has passed every check, without checking it a second time."""
    cls = TelemetryEventV4 if version == SCHEMA_VERSION_V4 else TelemetryEventV3
    event: Any = object.__new__(cls)
    event.schema_version = version
    event.session_id = session_id
    event.timestamp_ns = record["timestamp_ns"]
    event.event_type = record["event_type"]
    event.collector = record["collector"]
    event.sampling_interval_ms = record["sampling_interval_ms"]
    event.pid = record["pid"]
    event.host = record["host"]
    event.device_id = record["device_id"]
    event.allocator_allocated_bytes = record["allocator_allocated_bytes"]
    event.allocator_reserved_bytes = record["allocator_reserved_bytes"]
    event.allocator_active_bytes = record["allocator_active_bytes"]
    event.allocator_inactive_bytes = record["allocator_inactive_bytes"]
    event.allocator_change_bytes = record["allocator_change_bytes"]
    event.device_used_bytes = record["device_used_bytes"]
    event.device_free_bytes = record["device_free_bytes"]
    event.device_total_bytes = record["device_total_bytes"]
    event.context = record["context"]
    event.job_id, event.rank, event.local_rank, event.world_size = identity
    event.metadata = metadata
    checked: AnyTelemetryEvent = event
    return checked


def _check_event(event: AnyTelemetryEvent | TelemetryEventV2, version: int) -> None:
    stated = require_integer(event.schema_version, "schema_version")
    if stated != version:
        raise TelemetryRecordError(
            f"unsupported_schema_version:{stated}",
            f"{type(event).__name__} has schema_version {version}, not {stated}",
        )
    record = vars(event)
    check_fields(record, version)
    if version == SCHEMA_VERSION_V4:
        check_memory_capabilities(record, record["metadata"])
    complete_identity(event.job_id, event.rank, event.local_rank, event.world_size)
