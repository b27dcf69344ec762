"""Writes sinks the way training jobs do, with as many issues as a test asks for."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from tests.telemetry.factories import record

SECOND = 10**9
START_NS = 1_700_000_000 * SECOND


def write_lines(path: Path, events: Iterable[dict[str, Any]]) -> Path:
    """Write events as a sink does: sorted keys, one per line."""
    with path.open("w", encoding="utf-8") as stream:
        stream.writelines(json.dumps(event, sort_keys=True) + "\n" for event in events)
    return path


def write_sink(directory: Path, files: dict[str, list[dict[str, Any]]], **manifest: Any) -> Path:
    """Write segments and their manifest; sessions are left to be inferred unless ``sessions`` names them."""
    directory.mkdir(parents=True, exist_ok=True)
    listed = []
    for name, events in files.items():
        path = write_lines(directory / name, events)
        listed.append(
            {
                "filename": name,
                "event_count": len(events),
                "size_bytes": path.stat().st_size,
                "closed": True,
                "session_id": None,
            }
        )
    payload = {
        "schema_version": 2,
        "format": "stormlog.append_only_telemetry_sink",
        "sessions": [],
        "segments": listed,
        **manifest,
    }
    (directory / "manifest.json").write_text(json.dumps(payload, indent=2) + "\n", encoding="utf-8")
    return directory


def busy_session(
    session_id: str, count: int, *, start_ns: int = START_NS, rank: int = 0
) -> list[dict[str, Any]]:
    """Return the events of a session that drifts, warns, degrades and runs out of memory.

    Args:
        session_id: Its id.
        count: Number of events, at least 20; the issues are the same for every number.
        start_ns: Time of the first event.
        rank: Its rank.
    """
    events = []
    for index in range(count):
        kind, context, metadata = "sample", None, {"backend": "cuda"}
        if index % 20 == 5:
            kind, context = "warning", f"High memory usage {index} MB"
        elif index % 20 == 10:
            kind = "collector_degraded"
            metadata["collector_health_status"] = "degraded"
            metadata["collector_last_error"] = f"NVML error {index} at 0x{index:x}"
        elif index % 20 == 15:
            kind, context = "error", "OOM detected"
            metadata["oom_reason"] = "message_pattern:out of memory"
        events.append(
            record(
                session_id=session_id,
                timestamp_ns=start_ns + index * SECOND,
                event_type=kind,
                context=context,
                rank=rank,
                local_rank=rank,
                world_size=max(1, rank + 1),
                metadata=metadata,
                allocator_allocated_bytes=100,
                allocator_reserved_bytes=200,
                # The gap grows from 30 to 70 percent whatever the number of events.
                device_used_bytes=500 + 400 * index // count,
                device_total_bytes=1000,
            )
        )
    return events
