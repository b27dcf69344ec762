"""Records to start a test from."""

from __future__ import annotations

from typing import Any


def record(**overrides: Any) -> dict[str, Any]:
    """A complete version 3 record."""
    return {
        "schema_version": 3,
        "session_id": "s",
        "timestamp_ns": 5,
        "event_type": "sample",
        "collector": "stormlog.cuda_tracker",
        "sampling_interval_ms": 100,
        "pid": 7,
        "host": "h",
        "job_id": None,
        "rank": 0,
        "local_rank": 0,
        "world_size": 1,
        "device_id": 0,
        "allocator_allocated_bytes": 10,
        "allocator_reserved_bytes": 20,
        "allocator_active_bytes": None,
        "allocator_inactive_bytes": None,
        "allocator_change_bytes": 0,
        "device_used_bytes": 30,
        "device_free_bytes": None,
        "device_total_bytes": 100,
        "context": None,
        "metadata": {},
        **overrides,
    }
