"""Writes a job of 8 ranks on 2 hosts that ran out of memory, was fixed, and ran out of memory again.

    python examples/make_shipped_job.py DIRECTORY

Three runs of the same job, below the directory:

    1.3.9  rank 5 leaks memory in every step until its device is full
    1.4.0  the leak is fixed; the run completes
    1.4.1  the leak is back

Each run has a run envelope, a sink for every rank and, where it failed, an OOM bundle. The numbers are made up,
the formats are those that trackers write. The same bytes come out every time.
"""

from __future__ import annotations

import json
import os
import random
import sys
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

SECOND = 10**9
GIB = 2**30
RANKS = 8
HOSTS = ("gpu-node-01", "gpu-node-02")
LEAKING_RANK = 5
TOTAL = 79 * GIB + GIB // 4
SAMPLING_SECONDS = 6.0
STEP_SECONDS = 40.0
STEPS = 4
REASON = "torch.cuda.OutOfMemoryError"
TITLE = "lm-pretrain 7B, 8 GPUs"


@dataclass(frozen=True)
class Run:
    """One run: its version, its begin, and whether rank 5 leaks."""

    version: str
    job_id: str
    begin: datetime
    leaks: bool

    def begin_ns(self) -> int:
        return int(self.begin.timestamp()) * SECOND


RUNS = (
    Run("1.3.9", "slurm-48213", datetime(2026, 11, 3, 9, 12, 40, tzinfo=UTC), leaks=True),
    Run("1.4.0", "slurm-48977", datetime(2026, 11, 10, 14, 2, 5, tzinfo=UTC), leaks=False),
    Run("1.4.1", "slurm-50132", datetime(2026, 11, 17, 22, 47, 31, tzinfo=UTC), leaks=True),
)


@dataclass
class Session:
    """The session of one rank in one run, while its events are made."""

    run: Run
    rank: int
    session_id: str
    events: list[dict[str, Any]] = field(default_factory=list)
    allocated: int = 0
    reserved: int = 0
    used: int = 0
    sequence: int = 0
    open: list[tuple[str, list[str]]] = field(default_factory=list)

    @property
    def identity(self) -> dict[str, Any]:
        return {
            "host": HOSTS[self.rank // 4],
            "pid": 21_400 + self.rank,
            "job_id": self.run.job_id,
            "rank": self.rank,
            "local_rank": self.rank % 4,
            "world_size": RANKS,
        }

    def add(
        self, event_type: str, time_ns: int, context: str, metadata: dict[str, Any] | None = None
    ) -> None:
        before = self.events[-1]["allocator_allocated_bytes"] if self.events else self.allocated
        self.events.append(
            {
                "schema_version": 3,
                "session_id": self.session_id,
                "timestamp_ns": time_ns,
                "event_type": event_type,
                "collector": "stormlog.cuda_tracker",
                "sampling_interval_ms": int(SAMPLING_SECONDS * 1000),
                **self.identity,
                "device_id": self.rank % 4,
                "allocator_allocated_bytes": self.allocated,
                "allocator_reserved_bytes": self.reserved,
                "allocator_active_bytes": self.allocated,
                "allocator_inactive_bytes": self.reserved - self.allocated,
                "allocator_change_bytes": self.allocated - before,
                "device_used_bytes": self.used,
                "device_free_bytes": TOTAL - self.used,
                "device_total_bytes": TOTAL,
                "context": context,
                "metadata": {"backend": "cuda", **(metadata or {})},
            }
        )

    def enter(self, time_ns: int, name: str) -> None:
        self.sequence += 1
        path = [*(self.open[-1][1] if self.open else []), name]
        parent = self.open[-1][0] if self.open else None
        self.open.append((f"{self.session_id}:{self.sequence}", path))
        self._boundary("enter", time_ns, *self.open[-1], parent)

    def leave(self, time_ns: int) -> None:
        self.sequence += 1
        scope_id, path = self.open.pop()
        self._boundary("exit", time_ns, scope_id, path, self.open[-1][0] if self.open else None)

    def _boundary(
        self, action: str, time_ns: int, scope_id: str, path: list[str], parent: str | None
    ) -> None:
        scope = {
            "action": action,
            "name": path[-1],
            "path": path,
            "depth": len(path),
            "scope_id": scope_id,
            "parent_scope_id": parent,
            "thread_id": 140_001,
            "thread_name": "MainThread",
            "sequence": self.sequence,
        }
        verb = {"enter": "entered", "exit": "exited"}[action]
        self.add(f"phase_{action}", time_ns, f"Phase {verb}: {' / '.join(path)}", {"phase_scope": scope})


def timeline() -> Iterator[tuple[float, str, str]]:
    """Yield what a rank does: seconds since the start, ``enter``, ``leave`` or ``sample``, and a phase."""
    for step in range(STEPS):
        begin = 1.0 + step * STEP_SECONDS
        yield begin, "enter", "train"
        for name, start, end in (("forward", 0.2, 13.8), ("backward", 14.0, 29.6), ("optimizer", 29.8, 33.6)):
            yield begin + start, "enter", name
            yield begin + end, "leave", name
        yield begin + 33.8, "leave", "train"
        name = "checkpoint" if step % 3 == 2 else "evaluate"
        if step % 3:
            yield begin + 34.0, "enter", name
            yield begin + 39.0, "leave", name
    for index in range(int(STEPS * STEP_SECONDS / SAMPLING_SECONDS)):
        yield 0.5 + index * SAMPLING_SECONDS, "sample", ""


def set_memory(session: Session, seconds: float, leaked: int, rng: random.Random) -> None:
    """Set the counters of a moment: model and optimizer, activations, leaked memory, cache, device context."""
    phase = session.open[-1][1][-1] if session.open else ""
    activations = {"forward": 9.0, "backward": 7.5, "optimizer": 3.0, "evaluate": 5.0}.get(phase, 1.0)
    warm_up = min(1.0, (seconds + 2) / 8)
    noise = rng.uniform(-0.25, 0.25)
    session.allocated = int((26.5 * warm_up + activations * warm_up + noise) * GIB) + leaked
    session.reserved = session.allocated + int(rng.uniform(1.6, 2.2) * GIB)
    session.used = min(session.reserved + int(rng.uniform(1.25, 1.35) * GIB), TOTAL)
    session.reserved = min(session.reserved, session.used)


def play(run: Run, rank: int, failing_second: float | None) -> Session:
    """Make the events of one rank; ``failing_second`` is when rank 5 runs out of memory in this run."""
    rng = random.Random(f"{run.version} {rank}")
    session = Session(
        run, rank, str(uuid.uuid5(uuid.NAMESPACE_URL, f"stormlog-example/{run.version}/{rank}"))
    )
    begin_ns = run.begin_ns() + rank * 1_300_000
    set_memory(session, 0.0, 0, rng)
    session.add(
        "start", begin_ns, "Memory tracking started", {"app": "lm-pretrain", "code_version": run.version}
    )
    end = STEPS * STEP_SECONDS if failing_second is None else failing_second
    fails = failing_second is not None and rank == LEAKING_RANK
    for seconds, action, name in sorted(timeline()):
        if seconds >= end:
            break
        time_ns = begin_ns + round(seconds * 1e6) * 1000 + rng.randrange(400) * 1000
        if action == "enter":
            session.enter(time_ns, name)
        elif action == "leave":
            session.leave(time_ns)
        else:
            leaked = int(41.0 * GIB * seconds / (STEPS * STEP_SECONDS)) if fails else 0
            set_memory(session, seconds, leaked, rng)
            session.add("sample", time_ns, "Collected telemetry sample.")
            share = session.used / TOTAL
            if share >= 0.85:
                session.add("warning", time_ns + 2_000_000, f"High memory usage: {share:.1%}")
    end_ns = begin_ns + round(end * 1e6) * 1000
    if fails:
        metadata = {"oom_reason": REASON, "oom_dump_path": f"oom_dumps/{bundle_name(session, end_ns)}"}
        # The event is written when the exception is caught: the step's tensors are released by then.
        full, session.allocated = session.allocated, session.allocated - 7 * GIB
        session.add("error", end_ns, f"OOM detected ({REASON})", metadata)
        session.allocated = full
    session.add("stop", end_ns + 900_000_000 + rank * 10_000_000, "Memory tracking stopped")
    return session


def summary(session: Session, status: str) -> dict[str, Any]:
    ended = session.events[-1]["timestamp_ns"] if status == "completed" else None
    identity = session.identity
    return {
        "session_id": session.session_id,
        "status": status,
        "started_at_ns": session.events[0]["timestamp_ns"],
        "ended_at_ns": ended,
        "host": identity.pop("host"),
        "pid": identity.pop("pid"),
        **identity,
        "source": "stormlog.tracker",
    }


def bundle_name(session: Session, time_ns: int) -> str:
    moment = datetime.fromtimestamp(time_ns // SECOND, UTC)
    return f"oom_dump_{moment:%Y%m%dT%H%M%S}Z_{session.identity['pid']}_cuda_1"


def write(path: Path, content: str, time_ns: int) -> None:
    """Write a file that looks as old as what is in it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content, encoding="utf-8", newline="\n")
    os.utime(path, ns=(time_ns, time_ns))


def write_sink(directory: Path, session: Session) -> None:
    text = "".join(json.dumps(event, sort_keys=True) + "\n" for event in session.events)
    last_ns = session.events[-1]["timestamp_ns"]
    manifest = {
        "schema_version": 2,
        "format": "stormlog.append_only_telemetry_sink",
        "sessions": [summary(session, "completed")],
        "segments": [
            {
                "filename": "segment-000001.jsonl",
                "event_count": len(session.events),
                "size_bytes": len(text),
                "closed": True,
                "session_id": session.session_id,
            }
        ],
    }
    write(directory / "segment-000001.jsonl", text, last_ns)
    write(directory / "manifest.json", json.dumps(manifest, indent=2) + "\n", last_ns)


def tracker_event(event: dict[str, Any]) -> dict[str, Any]:
    """Return an event as bundles hold it."""
    kept = ("event_type", "session_id", "device_id", "context", "job_id", "rank", "local_rank", "world_size")
    return {
        "timestamp": event["timestamp_ns"] / SECOND,
        **{name: event[name] for name in kept},
        "memory_allocated": event["allocator_allocated_bytes"],
        "memory_reserved": event["allocator_reserved_bytes"],
        "memory_change": event["allocator_change_bytes"],
        "active_memory": event["allocator_active_bytes"],
        "inactive_memory": event["allocator_inactive_bytes"],
        "device_used": event["device_used_bytes"],
        "device_free": event["device_free_bytes"],
        "device_total": event["device_total_bytes"],
        "metadata": {name: value for name, value in event["metadata"].items() if name != "backend"},
        "backend": "cuda",
    }


def write_bundle(folder: Path, session: Session) -> None:
    """Write the OOM bundle of a session that has an error event."""
    failure = next(event for event in session.events if event["event_type"] == "error")
    sample = [event for event in session.events if event["event_type"] == "sample"][-1]
    time_ns, free = failure["timestamp_ns"], sample["device_free_bytes"]
    allocated = sample["allocator_allocated_bytes"]
    unused = sample["allocator_reserved_bytes"] - allocated
    message = (
        f"CUDA out of memory. Tried to allocate 5.50 GiB. GPU {session.rank % 4} has a total capacity of "
        f"{TOTAL / GIB:.2f} GiB of which {free / GIB:.2f} GiB is free. Including non-PyTorch memory, this process has "
        f"{(TOTAL - free) / GIB:.2f} GiB memory in use. Of the allocated memory {allocated / GIB:.2f} GiB is allocated "
        f"by PyTorch, and {unused / GIB:.2f} GiB is reserved by PyTorch but unallocated."
    )
    events = [event for event in session.events if event["timestamp_ns"] <= time_ns][-8:]
    name = bundle_name(session, time_ns)
    created = datetime.fromtimestamp(time_ns // SECOND, UTC)
    of_session = {
        "session_id": session.session_id,
        "session_status": "running",
        "session": summary(session, "running"),
    }
    files = ["manifest.json", "events.json", "metadata.json", "environment.json"]
    contents: dict[str, Any] = {
        "manifest.json": {
            "schema_version": 2,
            "bundle_name": name,
            "created_at_utc": f"{created:%Y-%m-%dT%H:%M:%SZ}",
            "reason": REASON,
            "backend": "cuda",
            "event_count": len(events),
            **of_session,
            "files": files,
        },
        "events.json": [tracker_event(event) for event in events],
        "metadata.json": {
            "reason": REASON,
            "exception_type": "OutOfMemoryError",
            "exception_module": "torch",
            "exception_message": message,
            "context": "train / backward",
            "backend": "cuda",
            "captured_event_count": len(events),
            **of_session,
            "custom_metadata": {"app": "lm-pretrain", "code_version": session.run.version},
        },
        "environment.json": {
            "pid": session.identity["pid"],
            "cwd": "/workspace",
            "system": {"synthetic": True},
        },
    }
    for file in files:
        write(folder / name / file, json.dumps(contents[file], indent=2), time_ns)


def write_run(directory: Path, run: Run) -> None:
    # Late in backward of the last step.
    failing_second = 1.0 + (STEPS - 1) * STEP_SECONDS + 28.4 if run.leaks else None
    sessions = [play(run, rank, failing_second) for rank in range(RANKS)]
    for session in sessions:
        write_sink(directory / "ranks" / f"rank{session.rank}", session)
    if run.leaks:
        write_bundle(directory / "oom_dumps", sessions[LEAKING_RANK])
    last_ns = max(session.events[-1]["timestamp_ns"] for session in sessions)
    names = ("job_id", "rank", "local_rank", "world_size")
    envelope = {
        "schema_version": 1,
        "format": "stormlog.run_envelope",
        "run_id": f"lm-pretrain-{run.version}",
        "title": TITLE,
        "job_id": run.job_id,
        "created_at_utc": f"{run.begin - timedelta(minutes=2):%Y-%m-%dT%H:%M:%SZ}",
        "tags": ["lm", "7b"],
        "sessions": [
            {
                "session_id": session.session_id,
                **{name: session.identity[name] for name in names},
                "role": "trainer",
                "metadata": {},
            }
            for session in sessions
        ],
        "metadata": {"code_version": run.version},
    }
    write(directory / "stormlog_run.json", json.dumps(envelope, indent=2) + "\n", last_ns)


def main(arguments: list[str]) -> int:
    if len(arguments) != 1:
        print("Usage: make_shipped_job.py DIRECTORY", file=sys.stderr)
        return 2
    for run in RUNS:
        write_run(Path(arguments[0]) / run.version, run)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
