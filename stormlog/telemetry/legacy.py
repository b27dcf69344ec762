"""Turns records from before the versioned schema into version 3 events.

For most fields a present key decides, even when its value is null: an explicit null is then an
error and not a reason to look further.

Source: docs/concepts.md#events.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from stormlog.telemetry.checks import (
    is_integer,
    is_non_blank_text,
    require_integer,
    require_optional_text,
    require_text,
)
from stormlog.telemetry.errors import TelemetryRecordError
from stormlog.telemetry.events import TelemetryEventV3
from stormlog.telemetry.identity import resolve_distributed_identity
from stormlog.telemetry.schema import IDENTITY_FIELDS, SCHEMA_VERSION_V3, UNKNOWN_HOST, UNKNOWN_PID
from stormlog.telemetry.session import pick_session_id
from stormlog.telemetry.validation import metadata_not_object

__all__ = ["legacy_event_from_record"]

_METADATA_PREFIX = "metadata_"
_TRACKER_BACKENDS = ("mps", "rocm", "cuda", "cpu")
_TOTAL_ALIASES = ("total_memory", "device_total", "total_bytes")


def legacy_event_from_record(
    record: Mapping[str, Any],
    *,
    default_collector: str,
    default_sampling_interval_ms: int,
    default_session_id: str | None,
) -> TelemetryEventV3:
    """Return the event that a record without a schema version stands for.

    Raises:
        TelemetryRecordError: no usable time, or a value has the wrong type or range.
    """
    metadata = _metadata(record)
    timestamp_ns = _timestamp_ns(record)
    device_id = _device_id(record)
    allocated = _allocated(record)
    reserved = _first_integer(record, ("allocator_reserved_bytes", "memory_reserved"), allocated)
    change = _first_integer(record, ("allocator_change_bytes", "memory_change"), 0)
    active = _optional_integer(record.get("allocator_active_bytes"), "allocator_active_bytes")
    inactive = _optional_integer(record.get("allocator_inactive_bytes"), "allocator_inactive_bytes")
    used = _first_integer(record, ("device_used_bytes",), allocated)
    total = _total(record, metadata)
    free = _free(record, used, total)
    event_type = _event_type(record)
    interval = _first_integer(record, ("sampling_interval_ms",), default_sampling_interval_ms)
    pid = require_integer(record.get("pid", metadata.get("pid", UNKNOWN_PID)), "pid")
    host = require_text(record.get("host", metadata.get("host", UNKNOWN_HOST)), "host")
    collector = _collector(record, metadata, device_id, default_collector)
    identity = resolve_distributed_identity(
        **{field: record.get(field) for field in IDENTITY_FIELDS}, metadata=metadata
    )
    for field in IDENTITY_FIELDS:
        metadata.pop(field, None)
    session_id = pick_session_id(record, metadata, default_session_id)
    metadata.pop("session_id", None)
    context = require_optional_text(record.get("context", record.get("message")), "context")
    return TelemetryEventV3(
        schema_version=SCHEMA_VERSION_V3,
        session_id=session_id,
        timestamp_ns=timestamp_ns,
        event_type=event_type,
        collector=collector,
        sampling_interval_ms=interval,
        pid=pid,
        host=host,
        device_id=device_id,
        allocator_allocated_bytes=allocated,
        allocator_reserved_bytes=reserved,
        allocator_active_bytes=active,
        allocator_inactive_bytes=inactive,
        allocator_change_bytes=change,
        device_used_bytes=used,
        device_free_bytes=free,
        device_total_bytes=total,
        context=context,
        metadata=metadata,
        **identity,
    )


def _metadata(record: Mapping[str, Any]) -> dict[str, Any]:
    own = record.get("metadata")
    if own is not None and not isinstance(own, Mapping):
        raise metadata_not_object(own)
    metadata = {} if own is None else dict(own)
    for key, value in record.items():
        if isinstance(key, str) and key.startswith(_METADATA_PREFIX):
            metadata[key.removeprefix(_METADATA_PREFIX)] = value
    return metadata


def _timestamp_ns(record: Mapping[str, Any]) -> int:
    if "timestamp_ns" in record:
        return require_integer(record["timestamp_ns"], "timestamp_ns")
    seconds = record.get("timestamp")
    if not _is_number(seconds):
        raise TelemetryRecordError(
            "legacy_timestamp_missing", "a record without schema_version needs timestamp_ns or timestamp"
        )
    return _scaled(seconds, 1_000_000_000, "timestamp")


def _device_id(record: Mapping[str, Any]) -> int:
    if "device_id" in record:
        return require_integer(record["device_id"], "device_id")
    device = record.get("device")
    if isinstance(device, str):
        folded = device.lower()
        if "cpu" in folded:
            return -1
        _, colon, number = device.rpartition(":")
        if colon and number.isdigit():
            try:
                return int(number)
            except ValueError as error:
                # Superscripts are digits to isdigit() but no number.
                raise TelemetryRecordError(
                    "not_integer:device", f"the number at the end of device {device!r:.60} is none"
                ) from error
        if folded.startswith("/gpu"):
            return 0
    return 0 if "memory_mb" in record else -1


def _allocated(record: Mapping[str, Any]) -> int:
    for field in ("allocator_allocated_bytes", "memory_allocated"):
        if field in record:
            return require_integer(record[field], field)
    megabytes = record.get("memory_mb")
    if _is_number(megabytes):
        return _scaled(megabytes, 1_048_576, "memory_mb")
    return _first_integer(record, ("device_used_bytes",), 0)


def _total(record: Mapping[str, Any], metadata: Mapping[str, Any]) -> int | None:
    if "device_total_bytes" in record:
        return _optional_integer(record["device_total_bytes"], "device_total_bytes")
    for source in (record, metadata):
        for field in _TOTAL_ALIASES:
            if field in source:
                return _optional_integer(source[field], field)
    return None


def _free(record: Mapping[str, Any], used: int, total: int | None) -> int | None:
    if "device_free_bytes" in record:
        return _optional_integer(record["device_free_bytes"], "device_free_bytes")
    return None if total is None else max(total - used, 0)


def _event_type(record: Mapping[str, Any]) -> str:
    return require_text(record.get("event_type", record.get("type", "sample")), "event_type")


def _collector(
    record: Mapping[str, Any], metadata: Mapping[str, Any], device_id: int, default_collector: str
) -> str:
    collector = record.get("collector")
    if is_non_blank_text(collector):
        return collector
    backend = record["backend"] if "backend" in record else metadata.get("backend")
    if isinstance(backend, str) and backend.strip().lower() in _TRACKER_BACKENDS:
        return f"stormlog.{backend.strip().lower()}_tracker"
    if "memory_mb" in record:
        return "stormlog.tensorflow.memory_tracker"
    if "memory_allocated" in record:
        return "stormlog.cpu_tracker" if device_id == -1 else "stormlog.cuda_tracker"
    return default_collector


def _first_integer(record: Mapping[str, Any], fields: tuple[str, ...], default: int) -> int:
    for field in fields:
        if field in record:
            return require_integer(record[field], field)
    return require_integer(default, fields[0])


def _optional_integer(value: object, field: str) -> int | None:
    return None if value is None else require_integer(value, field)


def _is_number(value: object) -> bool:
    return is_integer(value) or isinstance(value, float)


def _scaled(value: Any, factor: int, field: str) -> int:
    # Binary floating point on purpose: recorded times and sizes keep the value they always had.
    try:
        return int(float(value) * factor)
    except (ValueError, OverflowError) as error:
        raise TelemetryRecordError(
            f"not_finite:{field}", f"{field} must be a finite number, not {value!r:.60}"
        ) from error
