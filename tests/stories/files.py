"""Writes sessions the way trackers leave them on disk: sinks, OOM bundles, run envelopes.

Files get the time of their last record as their time of modification: they are those of a job of some time
ago, whose ranks write no more.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tests.stories.records import SECOND, Bundle, Recording

EVENTS_PER_SEGMENT = 400
_TRACKER_NAMES = {
    "memory_allocated": "allocator_allocated_bytes",
    "memory_reserved": "allocator_reserved_bytes",
    "memory_change": "allocator_change_bytes",
    "active_memory": "allocator_active_bytes",
    "inactive_memory": "allocator_inactive_bytes",
    "device_used": "device_used_bytes",
    "device_free": "device_free_bytes",
    "device_total": "device_total_bytes",
}


def write_sinks(root: Path, recordings: Iterable[Recording]) -> None:
    """Write the sinks of sessions; sessions of one directory share its ledger, in the order given."""
    by_directory: dict[str, list[Recording]] = {}
    for recording in recordings:
        by_directory.setdefault(recording.directory, []).append(recording)
    for directory, sessions in by_directory.items():
        _write_sink(root / directory, sessions)


def segment_of(
    recording: Recording, event: dict[str, Any], earlier: Sequence[Recording] = ()
) -> tuple[str, int]:
    """Return the file, relative to the job, and the line in which an event of a session is written.

    Args:
        recording: The session.
        event: One of its events, the same object.
        earlier: Sessions before it in the same sink.
    """
    index = next(i for i, other in enumerate(recording.events) if other is event)
    before = sum(-(-len(other.events) // EVENTS_PER_SEGMENT) for other in earlier)
    number = before + index // EVENTS_PER_SEGMENT + 1
    return f"{recording.directory}/segment-{number:06d}.jsonl", index % EVENTS_PER_SEGMENT + 1


def write_bundle(folder: Path, recording: Recording, bundle: Bundle, number: int) -> Path:
    """Write an OOM bundle of a session into a folder of bundles."""
    moment = datetime.fromtimestamp(bundle.time_ns // SECOND, UTC)
    name = f"oom_dump_{moment:%Y%m%dT%H%M%S}Z_{recording.pid}_{recording.backend}_{number}"
    summary = _summary(recording) | {"status": "running", "ended_at_ns": None}
    recent = [event for event in recording.events if event["timestamp_ns"] <= bundle.time_ns][-5:]
    of_session = {"session_id": recording.session_id, "session_status": "running", "session": summary}
    files = ("manifest.json", "events.json", "metadata.json", "environment.json")
    contents: dict[str, Any] = {
        "manifest.json": {
            "schema_version": 2,
            "bundle_name": name,
            "created_at_utc": f"{moment:%Y-%m-%dT%H:%M:%SZ}",
            "reason": bundle.reason,
            "backend": recording.backend,
            "event_count": len(recent),
            **of_session,
            "files": list(files),
        },
        "events.json": [_tracker_shape(event) for event in recent],
        "metadata.json": {
            "reason": bundle.reason,
            "exception_type": bundle.exception_type,
            "exception_module": "torch" if bundle.exception_type == "OutOfMemoryError" else "builtins",
            "exception_message": bundle.message,
            "context": bundle.context,
            "backend": recording.backend,
            "captured_event_count": len(recent),
            **of_session,
            "custom_metadata": {"rank": recording.rank, **recording.metadata},
        },
        "environment.json": {"pid": recording.pid, "cwd": "/workspace", "system": {"platform": "Linux"}},
    }
    directory = folder / name
    directory.mkdir(parents=True)
    for file in files:
        _write(directory / file, json.dumps(contents[file], indent=2), bundle.time_ns)
    return directory


def write_envelope(
    folder: Path, run_id: str, recordings: Sequence[Recording], *, title: str | None = None, **fields: Any
) -> None:
    """Write a run envelope that names the sessions of a run."""
    payload = {
        "schema_version": 1,
        "format": "stormlog.run_envelope",
        "run_id": run_id,
        **({"title": title} if title else {}),
        **fields,
        "sessions": [
            {
                "session_id": recording.session_id,
                "job_id": recording.job_id,
                "rank": recording.rank,
                "local_rank": recording.local_rank,
                "world_size": recording.world_size,
                "metadata": {},
            }
            for recording in recordings
        ],
        "metadata": {},
    }
    last = max(recording.events[-1]["timestamp_ns"] for recording in recordings)
    folder.mkdir(parents=True, exist_ok=True)
    _write(folder / "stormlog_run.json", json.dumps(payload, indent=2) + "\n", last)


def _write_sink(directory: Path, sessions: Sequence[Recording]) -> None:
    directory.mkdir(parents=True)
    segments: list[dict[str, Any]] = []
    last = 0
    for recording in sessions:
        for begin in range(0, len(recording.events), EVENTS_PER_SEGMENT):
            events = recording.events[begin : begin + EVENTS_PER_SEGMENT]
            last = max(last, events[-1]["timestamp_ns"])
            name = f"segment-{len(segments) + 1:06d}.jsonl"
            shaped = [_shaped(event, recording.version) for event in events]
            text = "".join(json.dumps(event, sort_keys=True) + "\n" for event in shaped)
            _write(directory / name, text, last)
            segments.append(
                {
                    "filename": name,
                    "event_count": len(events),
                    "size_bytes": len(text.encode()),
                    "closed": recording.status != "running" or begin + len(events) < len(recording.events),
                    "session_id": recording.session_id,
                }
            )
    manifest = {
        "schema_version": 2,
        "format": "stormlog.append_only_telemetry_sink",
        "sessions": [_summary(recording) for recording in sessions],
        "segments": segments,
    }
    _write(directory / "manifest.json", json.dumps(manifest, indent=2) + "\n", last)


def _shaped(event: dict[str, Any], version: int) -> dict[str, Any]:
    if version != 2:
        return event
    return {name: value for name, value in event.items() if name != "session_id"} | {"schema_version": 2}


def _summary(recording: Recording) -> dict[str, Any]:
    ended = None if recording.status == "running" else recording.events[-1]["timestamp_ns"] + 3_000_000
    return {
        "session_id": recording.session_id,
        "status": recording.status,
        "started_at_ns": recording.events[0]["timestamp_ns"],
        "ended_at_ns": ended,
        "host": recording.host,
        "pid": recording.pid,
        "job_id": recording.job_id,
        "rank": recording.rank,
        "local_rank": recording.local_rank,
        "world_size": recording.world_size,
        "source": "stormlog.tracker",
    }


def _tracker_shape(event: dict[str, Any]) -> dict[str, Any]:
    metadata = {name: value for name, value in event["metadata"].items() if name != "backend"}
    same = ("event_type", "session_id", "device_id", "context", "job_id", "rank", "local_rank", "world_size")
    return {
        "timestamp": event["timestamp_ns"] / SECOND,
        **{name: event[name] for name in same},
        **{name: event[column] for name, column in _TRACKER_NAMES.items()},
        "metadata": metadata,
        "backend": event["metadata"]["backend"],
    }


def _write(path: Path, text: str, time_ns: int) -> None:
    path.write_text(text, encoding="utf-8", newline="\n")
    os.utime(path, ns=(time_ns, time_ns))
