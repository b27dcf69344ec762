"""Small telemetry files for command-line tests."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

#: 2026-01-02T03:04:05Z.
START_NS = 1_767_323_045_000_000_000


def event(**overrides: Any) -> dict[str, Any]:
    """Return a valid version 3 record."""
    return {
        "schema_version": 3,
        "session_id": "s-1",
        "timestamp_ns": START_NS,
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
        "allocator_allocated_bytes": 1 << 20,
        "allocator_reserved_bytes": 3 << 29,
        "allocator_active_bytes": None,
        "allocator_inactive_bytes": None,
        "allocator_change_bytes": 0,
        "device_used_bytes": 3 << 29,
        "device_free_bytes": None,
        "device_total_bytes": 1 << 34,
        "context": None,
        "metadata": {"backend": "cuda"},
    } | overrides


def write_lines(path: Path, *records: dict[str, Any] | str) -> Path:
    """Write records, and texts as they are, one a line."""
    lines = [record if isinstance(record, str) else json.dumps(record) for record in records]
    path.write_text("".join(line + "\n" for line in lines), encoding="utf-8")
    return path


def capture(directory: Path) -> Path:
    """Write a file with one warning, one sample and an out-of-memory error of another session."""
    return write_lines(
        directory / "events.jsonl",
        event(),
        event(timestamp_ns=START_NS + 10**9, event_type="warning", context="High fragmentation: 40.0%"),
        event(
            timestamp_ns=START_NS + 2 * 10**9,
            session_id="s-2",
            event_type="error",
            context="CUDA out of memory",
            metadata={"backend": "cuda", "oom_reason": "cuda"},
        ),
    )


def damaged(directory: Path) -> Path:
    """Write a file whose second line is no record."""
    return write_lines(directory / "damaged.jsonl", event(), "{broken", event(timestamp_ns=START_NS + 1))
