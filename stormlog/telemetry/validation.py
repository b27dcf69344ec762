"""Decides whether a versioned record is acceptable; it never fills anything in.

The first broken rule, in a fixed order, is the one reported.

Source: docs/concepts.md#events.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from stormlog.telemetry.capabilities import check_memory_capabilities
from stormlog.telemetry.checks import (
    require_integer,
    require_minimum,
    require_optional_text,
    require_text,
)
from stormlog.telemetry.errors import TelemetryRecordError
from stormlog.telemetry.identity import complete_identity
from stormlog.telemetry.schema import (
    INTEGER_FIELDS,
    KNOWN_V2_FIELD_SET,
    KNOWN_V3_FIELD_SET,
    REQUIRED_V2_FIELDS,
    REQUIRED_V3_FIELDS,
    SCHEMA_VERSION_V2,
    SCHEMA_VERSION_V4,
    SUPPORTED_SCHEMA_VERSIONS,
)

__all__ = ["check_fields", "check_schema_version", "record_fits_engine", "validate_telemetry_record"]

_SMALLEST_BIGINT = -(2**63)
_LARGEST_BIGINT = 2**63 - 1
_OWN_SESSION: Any = object()


def validate_telemetry_record(record: Mapping[str, Any]) -> None:
    """Accept a version 2, 3 or 4 record as it is, or raise.

    Args:
        record: The record as read from a file; integers may have any size.

    Raises:
        TelemetryRecordError: a ``ValueError`` whose ``code`` names the first broken rule.

    Source: docs/concepts.md#events.
    """
    record = as_plain_dict(record)
    version = check_schema_version(record)
    check_fields(record, version)
    if version == SCHEMA_VERSION_V4:
        check_memory_capabilities(record, record["metadata"])
    complete_identity(
        record.get("job_id"), record.get("rank"), record.get("local_rank"), record.get("world_size")
    )


def record_fits_engine(event_dict: Mapping[str, Any]) -> str | None:
    """Tell which integer column of an event does not fit in a signed 64-bit column.

    Args:
        event_dict: What ``telemetry_event_to_dict`` returns.

    Returns:
        ``out_of_range:<field>`` for the first such column, or None when all fit.
    """
    for field in INTEGER_FIELDS:
        value = event_dict.get(field)
        if value is not None and not _SMALLEST_BIGINT <= value <= _LARGEST_BIGINT:
            return f"out_of_range:{field}"
    return None


def as_plain_dict(record: object) -> dict[str, Any]:
    """Return ``record`` itself if it is a dict, else a copy of the mapping.

    A copy also keeps mappings that invent missing keys from doing so.
    """
    if type(record) is dict:
        return record
    if isinstance(record, Mapping):
        return dict(record)
    raise TelemetryRecordError(
        "record_not_mapping", f"a telemetry record must be an object, not {type(record).__name__}"
    )


def check_schema_version(record: Mapping[str, Any]) -> int:
    """Return the record's version, 2, 3 or 4, or raise."""
    version = require_integer(record.get("schema_version"), "schema_version")
    if version not in SUPPORTED_SCHEMA_VERSIONS:
        raise TelemetryRecordError(
            f"unsupported_schema_version:{version}",
            f"schema_version {version} is not supported (supported: 2, 3 and 4)",
        )
    return version


def check_fields(record: dict[str, Any], version: int, session_id: object = _OWN_SESSION) -> None:
    """Check presence, types and ranges of all fields but not how they relate to the job.

    Args:
        record: A record that has a ``schema_version``.
        version: Which version's rules apply: 2, 3 or 4.
        session_id: The id that stands for the record's own one, whatever that is. Left out, the
            record must bring its own (and none at all in version 2).

    Raises:
        TelemetryRecordError: the first broken rule.
    """
    own_session = session_id is _OWN_SESSION
    try:
        if own_session and version != SCHEMA_VERSION_V2:
            session_id = record["session_id"]
        timestamp_ns = record["timestamp_ns"]
        event_type = record["event_type"]
        collector = record["collector"]
        sampling_interval_ms = record["sampling_interval_ms"]
        pid = record["pid"]
        host = record["host"]
        device_id = record["device_id"]
        allocated = record["allocator_allocated_bytes"]
        reserved = record["allocator_reserved_bytes"]
        active = record["allocator_active_bytes"]
        inactive = record["allocator_inactive_bytes"]
        change = record["allocator_change_bytes"]
        used = record["device_used_bytes"]
        free = record["device_free_bytes"]
        total = record["device_total_bytes"]
        context = record["context"]
        metadata = record["metadata"]
    except KeyError:
        raise _missing_fields(record, own_session and version != SCHEMA_VERSION_V2) from None

    session_allowed = not own_session or version != SCHEMA_VERSION_V2
    has_job_id = "job_id" in record
    has_rank = "rank" in record
    has_local_rank = "local_rank" in record
    has_world_size = "world_size" in record
    known = len(REQUIRED_V2_FIELDS) + has_job_id + has_rank + has_local_rank + has_world_size
    if session_allowed and "session_id" in record:
        known += 1
    if len(record) != known:
        raise _unknown_fields(record, session_allowed)

    # Each fast test below lets ordinary values pass without a call; the call decides the rest.
    if session_id is not _OWN_SESSION:
        require_text(session_id, "session_id")
    if type(timestamp_ns) is not int or timestamp_ns < 0:
        require_minimum(timestamp_ns, 0, "timestamp_ns")
    if type(event_type) is not str or not event_type.strip():
        require_text(event_type, "event_type")
    if type(collector) is not str or not collector.strip():
        require_text(collector, "collector")
    if type(sampling_interval_ms) is not int or sampling_interval_ms < 0:
        require_minimum(sampling_interval_ms, 0, "sampling_interval_ms")
    if type(pid) is not int or pid < -1:
        require_minimum(pid, -1, "pid")
    if type(host) is not str or not host.strip():
        require_text(host, "host")

    if has_job_id and record["job_id"] is not None:
        require_text(record["job_id"], "job_id")
    if has_rank and type(record["rank"]) is not int:
        require_integer(record["rank"], "rank")
    if has_rank and record["rank"] < 0:
        require_minimum(record["rank"], 0, "rank")
    if has_local_rank and type(record["local_rank"]) is not int:
        require_integer(record["local_rank"], "local_rank")
    if has_local_rank and record["local_rank"] < 0:
        require_minimum(record["local_rank"], 0, "local_rank")
    if has_world_size and type(record["world_size"]) is not int:
        require_integer(record["world_size"], "world_size")
    if has_world_size and record["world_size"] < 1:
        require_minimum(record["world_size"], 1, "world_size")

    if type(device_id) is not int:
        require_integer(device_id, "device_id")
    core_required = version != SCHEMA_VERSION_V4
    if type(allocated) is not int and (core_required or allocated is not None):
        require_integer(allocated, "allocator_allocated_bytes")
    if type(reserved) is not int and (core_required or reserved is not None):
        require_integer(reserved, "allocator_reserved_bytes")
    if active is not None and type(active) is not int:
        require_integer(active, "allocator_active_bytes")
    if inactive is not None and type(inactive) is not int:
        require_integer(inactive, "allocator_inactive_bytes")
    if type(change) is not int and (core_required or change is not None):
        require_integer(change, "allocator_change_bytes")
    if allocated is not None and allocated < 0:
        require_minimum(allocated, 0, "allocator_allocated_bytes")
    if reserved is not None and reserved < 0:
        require_minimum(reserved, 0, "allocator_reserved_bytes")
    if active is not None and active < 0:
        require_minimum(active, 0, "allocator_active_bytes")
    if inactive is not None and inactive < 0:
        require_minimum(inactive, 0, "allocator_inactive_bytes")

    if type(used) is not int and (core_required or used is not None):
        require_integer(used, "device_used_bytes")
    if free is not None and type(free) is not int:
        require_integer(free, "device_free_bytes")
    if total is not None and type(total) is not int:
        require_integer(total, "device_total_bytes")
    if used is not None and used < 0:
        require_minimum(used, 0, "device_used_bytes")
    if free is not None and free < 0:
        require_minimum(free, 0, "device_free_bytes")
    if total is not None:
        if total < 0:
            require_minimum(total, 0, "device_total_bytes")
        if used is not None and used > total:
            raise TelemetryRecordError(
                "used_exceeds_total", f"device_used_bytes {used} exceeds device_total_bytes {total}"
            )
        if free is not None and free > total:
            raise TelemetryRecordError(
                "free_exceeds_total", f"device_free_bytes {free} exceeds device_total_bytes {total}"
            )

    if context is not None and type(context) is not str:
        require_optional_text(context, "context")
    if not isinstance(metadata, dict):
        raise metadata_not_object(metadata)


def metadata_not_object(metadata: object) -> TelemetryRecordError:
    """Return the error for metadata that is not an object."""
    return TelemetryRecordError(
        "metadata_not_object", f"metadata must be an object, not {type(metadata).__name__}"
    )


def _missing_fields(record: Mapping[str, Any], with_session: bool) -> TelemetryRecordError:
    required = REQUIRED_V3_FIELDS if with_session else REQUIRED_V2_FIELDS
    names = ", ".join(field for field in required if field not in record)
    return TelemetryRecordError(f"missing_fields:{names}", f"the record lacks {names}")


def _unknown_fields(record: Mapping[str, Any], session_allowed: bool) -> TelemetryRecordError:
    known = KNOWN_V3_FIELD_SET if session_allowed else KNOWN_V2_FIELD_SET
    # A CSV row with surplus cells has them under a key that is no text.
    names = ", ".join(sorted(str(field) for field in record if field not in known))
    return TelemetryRecordError(f"unknown_fields:{names}", f"the record has unknown fields: {names}")
