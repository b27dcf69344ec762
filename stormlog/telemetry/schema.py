"""Names and limits of the event schema, in one place, without behaviour.

Source: docs/concepts.md#events.
"""

from __future__ import annotations

__all__ = [
    "CAPABILITY_FLAGS",
    "CAPABILITY_TEXTS",
    "CORE_COUNTERS",
    "COUNTER_CAPABILITIES",
    "IDENTITY_FIELDS",
    "INTEGER_FIELDS",
    "KNOWN_V2_FIELD_SET",
    "KNOWN_V3_FIELD_SET",
    "KNOWN_V4_FIELD_SET",
    "LONGEST_LINE_BYTES",
    "OPTIONAL_V2_FIELDS",
    "OPTIONAL_V3_FIELDS",
    "OPTIONAL_V4_FIELDS",
    "REQUIRED_V2_FIELDS",
    "REQUIRED_V3_FIELDS",
    "REQUIRED_V4_FIELDS",
    "SCHEMA_VERSION_LATEST",
    "SCHEMA_VERSION_V2",
    "SCHEMA_VERSION_V3",
    "SCHEMA_VERSION_V4",
    "SUPPORTED_SCHEMA_VERSIONS",
    "UNKNOWN_HOST",
    "UNKNOWN_PID",
]

#: Longer lines are rejected: no record comes near it, and one such line must not exhaust the memory.
LONGEST_LINE_BYTES = 16 * 1024 * 1024

SCHEMA_VERSION_V2 = 2
SCHEMA_VERSION_V3 = 3
SCHEMA_VERSION_V4 = 4
# What conversion yields. Version 4 is read and kept as it is, but nothing is turned into it.
SCHEMA_VERSION_LATEST = SCHEMA_VERSION_V3
SUPPORTED_SCHEMA_VERSIONS = (SCHEMA_VERSION_V2, SCHEMA_VERSION_V3, SCHEMA_VERSION_V4)

UNKNOWN_PID = -1
UNKNOWN_HOST = "unknown"

IDENTITY_FIELDS = ("job_id", "rank", "local_rank", "world_size")

_FIELDS_AFTER_SESSION = (
    "timestamp_ns",
    "event_type",
    "collector",
    "sampling_interval_ms",
    "pid",
    "host",
    "device_id",
    "allocator_allocated_bytes",
    "allocator_reserved_bytes",
    "allocator_active_bytes",
    "allocator_inactive_bytes",
    "allocator_change_bytes",
    "device_used_bytes",
    "device_free_bytes",
    "device_total_bytes",
    "context",
    "metadata",
)
REQUIRED_V2_FIELDS = ("schema_version", *_FIELDS_AFTER_SESSION)
REQUIRED_V3_FIELDS = ("schema_version", "session_id", *_FIELDS_AFTER_SESSION)
REQUIRED_V4_FIELDS = REQUIRED_V3_FIELDS
OPTIONAL_V2_FIELDS = IDENTITY_FIELDS
OPTIONAL_V3_FIELDS = IDENTITY_FIELDS
OPTIONAL_V4_FIELDS = IDENTITY_FIELDS
KNOWN_V2_FIELD_SET = frozenset(REQUIRED_V2_FIELDS) | frozenset(OPTIONAL_V2_FIELDS)
KNOWN_V3_FIELD_SET = frozenset(REQUIRED_V3_FIELDS) | frozenset(OPTIONAL_V3_FIELDS)
KNOWN_V4_FIELD_SET = KNOWN_V3_FIELD_SET

# Every integer column besides schema_version, in the order in which records are written.
INTEGER_FIELDS = (
    "timestamp_ns",
    "sampling_interval_ms",
    "pid",
    "rank",
    "local_rank",
    "world_size",
    "device_id",
    "allocator_allocated_bytes",
    "allocator_reserved_bytes",
    "allocator_active_bytes",
    "allocator_inactive_bytes",
    "allocator_change_bytes",
    "device_used_bytes",
    "device_free_bytes",
    "device_total_bytes",
)

# Null is refused here up to version 3 and allowed in version 4.
CORE_COUNTERS = (
    "allocator_allocated_bytes",
    "allocator_reserved_bytes",
    "allocator_change_bytes",
    "device_used_bytes",
)

# Version 4 names, per counter, the capability that must not be false when a value is present.
COUNTER_CAPABILITIES = {
    "allocator_allocated_bytes": "supports_allocator_allocated",
    "allocator_reserved_bytes": "supports_allocator_reserved",
    "allocator_active_bytes": "supports_allocator_active",
    "allocator_inactive_bytes": "supports_allocator_inactive",
    "allocator_change_bytes": "supports_allocator_allocated",
    "device_used_bytes": "supports_device_used",
    "device_free_bytes": "supports_device_free",
    "device_total_bytes": "supports_device_total",
}
CAPABILITY_TEXTS = ("backend", "telemetry_collector", "sampling_source")
CAPABILITY_FLAGS = (
    "supports_allocator_allocated",
    "supports_allocator_reserved",
    "supports_allocator_active",
    "supports_allocator_inactive",
    "supports_device_used",
    "supports_device_free",
    "supports_device_total",
    "supports_native_allocator_history",
    "supports_fragmentation_analysis",
    "supports_allocator_attribution",
    "supports_bounded_profiling",
)
