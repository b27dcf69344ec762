"""Telemetry that names no session, in all its forms, and what becomes of such files in the course of time."""

from __future__ import annotations

import csv
import json
import os
from pathlib import Path
from typing import Any

from tests.query.sinks import START_NS, busy_session, write_lines, write_sink
from tests.telemetry.factories import record

__all__ = ["OLD_NS", "alert", "drift", "start", "write_runs"]

S = 10**9
#: Time of all files: sessions without an end are over long since.
OLD_NS = START_NS + 10**6 * S


def alert(at: int, context: str = "High usage", **fields: Any) -> dict[str, Any]:
    """Return a record of version 2 without a session."""
    return without_session(
        record(
            timestamp_ns=START_NS + at * S,
            event_type="warning",
            context=context,
            metadata={"backend": "cuda"},
            **fields,
        )
    )


def start(at: int, **fields: Any) -> dict[str, Any]:
    """Return the start of a session that has no name: it describes the session, and is no evidence."""
    return without_session(record(timestamp_ns=START_NS + at * S, event_type="start", **fields))


def drift(at: int, count: int = 40, **fields: Any) -> list[dict[str, Any]]:
    """Return samples without a session that show hidden memory and nothing else."""
    return [
        without_session(event | {"timestamp_ns": event["timestamp_ns"] + at * S} | fields)
        for event in busy_session("s", count)
        if event["event_type"] == "sample"
    ]


def without_session(event: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in event.items() if name != "session_id"} | {"schema_version": 2}


def write_runs(folder: Path, host: str = "h", *, with_start: bool = False) -> None:
    """Write a file of each form that names no session, bundles, and a sink that names its sessions.

    Args:
        folder: Where to.
        host: Runs of different hosts have no session and no record in common.
        with_start: Whether every session has a record that describes it: where one has none, each scan opens another
            store to find a sample that does.
    """
    folder.mkdir(parents=True, exist_ok=True)

    def on(pid: int) -> dict[str, Any]:
        return {"pid": pid, "host": host}

    # The same line twice.
    twice = [alert(10, **on(11)), alert(20, **on(11)), alert(20, **on(11))]
    write_lines(folder / "twice.jsonl", twice)
    starts = [start(999, **on(12))] if with_start else []
    write_lines(folder / "drift.jsonl", [*starts, *drift(1000, **on(12))])
    write_lines(folder / "mixed.jsonl", [*drift(2000, **on(13)), alert(2100, "Disk is low", **on(13))])
    (folder / "host_events.json").write_text(json.dumps([alert(3000 + n, **on(14)) for n in range(3)]))
    with (folder / "host_events.csv").open("w", newline="") as stream:
        columns = ("timestamp", "event_type", "context", "memory_allocated", "device", "host", "pid")
        writer = csv.DictWriter(stream, columns)
        writer.writeheader()
        for at in (4000, 4001):
            values = ("warning", "High usage", 100, "cuda:0", host, 15)
            writer.writerow(dict(zip(columns, (START_NS // S + at, *values), strict=True)))
    segments = {
        f"segment-00000{n}.jsonl": [alert(5000 + 10 * n, **on(16)), *drift(5001 + 10 * n, **on(16))]
        for n in (1, 2)
    }
    write_sink(folder / "sink", segments)
    name = "named" if host == "h" else f"named on {host}"
    named = busy_session(name, 60)
    # The same line twice in a session that has a name.
    write_sink(folder / "named", {"segment-000001.jsonl": [*named[:40], named[5], *named[40:]]})
    write_bundle(folder / "dumps" / "oom_dump_1", session_id=None, host=host)
    write_bundle(folder / "dumps" / "oom_dump_2", session_id=name, host=host)
    for path in folder.rglob("*"):
        os.utime(path, ns=(OLD_NS, OLD_NS))


def write_bundle(folder: Path, *, session_id: str | None, host: str = "h") -> None:
    """Write an OOM bundle."""
    folder.mkdir(parents=True)
    said = {"reason": "message_pattern:out of memory", "backend": "cuda", "session_id": session_id}
    manifest = {
        "schema_version": 2,
        "bundle_name": folder.name,
        "created_at_utc": "2023-11-20T09:45:34Z",
        "event_count": 30,
        "session_status": "running",
        "files": ["manifest.json", "metadata.json"],
        **said,
    }
    metadata = {"exception_type": "MemoryError", "exception_module": "builtins", **said}
    if host != "h":
        metadata["exception_message"] = f"out of memory on {host}"
    (folder / "manifest.json").write_text(json.dumps(manifest, indent=2))
    (folder / "metadata.json").write_text(json.dumps(metadata, indent=2))
