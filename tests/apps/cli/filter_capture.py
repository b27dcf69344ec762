"""A capture in which every filter finds something and leaves something out."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tests.apps.cli.samples import event, write_lines
from tests.artifacts.factories import make_oom_bundle

#: 2026-11-20 00:00:00 UTC.
DAY_NS = 1_795_132_800 * 10**9
HOUR_NS = 3600 * 10**9
FRAGMENTED = "High fragmentation: 40.0%"

#: Session -> job, rank, host, training program, environment, hour of its first event.
SESSIONS: dict[str, tuple[str | None, int, str, str | None, str | None, int]] = {
    "s-0": ("j1", 0, "h0", "train", "production", 0),
    "s-1": ("j1", 1, "h1", "train", "production", 0),
    "s-2": ("j2", 0, "h0", "tune", "dev", 10),
    "s-3": (None, 0, "h2", None, None, 20),
}
#: Session -> what happened: minutes after its first event, type, context.
HAPPENED = {
    "s-0": [(60, "warning", FRAGMENTED), (120, "stop", None)],
    "s-1": [(90, "error", "CUDA out of memory: tried 2 GiB")],
    "s-2": [(60, "warning", FRAGMENTED), (120, "stop", None)],
    "s-3": [(30, "warning", "Disk is 100% full"), (60, "error", "HIP out of memory")],
}


def filter_capture(directory: Path) -> Path:
    """Write four sessions of two jobs and one run by itself, and a bundle of the second."""
    directory.mkdir()
    for session, (job, rank, host, app, environment, hour) in SESSIONS.items():
        facts: dict[str, Any] = {"backend": "rocm" if session == "s-3" else "cuda"}
        facts |= {name: value for name, value in (("app", app), ("environment", environment)) if value}
        start_ns = DAY_NS + hour * HOUR_NS
        place = {"session_id": session, "job_id": job, "rank": rank, "host": host, "world_size": 2}
        records = [event(**place, timestamp_ns=start_ns, event_type="start", metadata=facts)]
        for minutes, kind, context in HAPPENED[session]:
            known = {**facts, "oom_reason": facts["backend"]} if kind == "error" else facts
            moment = start_ns + minutes * 60 * 10**9 + 123
            records.append(
                event(**place, timestamp_ns=moment, event_type=kind, context=context, metadata=known)
            )
        write_lines(directory / f"{session}.jsonl", *records)
    bundle = make_oom_bundle(
        directory / "oom_dump_1", session_id="s-1", created_at_utc="2026-11-20T01:30:00Z", reason="cuda"
    )
    (bundle / "metadata.json").write_text(
        json.dumps({"exception_type": "OutOfMemoryError", "exception_message": "Tried to allocate 2 GiB"})
    )
    make_oom_bundle(
        directory / "oom_dump_2", created_at_utc="2026-11-20T21:00:00Z", backend="rocm", reason="hip"
    )
    return directory
