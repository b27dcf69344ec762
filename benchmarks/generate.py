"""Writes large append-only sinks: the same arguments give the same bytes on every machine.

Lines are what a sink writer emits, ``json.dumps(record, sort_keys=True)``, about 1 KB each. Mixes:

* ``normal``: about 3 % of the events are evidence of an issue, 8 % are phase boundaries;
* ``noisy``: every event between start and stop is evidence, and the texts fall into few issues;
* ``adversarial``: the same, but almost every text is an issue of its own.

Run ``python -m benchmarks.generate DIRECTORY EVENTS [--mix noisy]``.
"""

from __future__ import annotations

import argparse
import json
import math
import multiprocessing
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any

__all__ = ["GENERATOR_VERSION", "MIXES", "session_records", "write_sink"]

# Part of the names of generated folders: raise it whenever other bytes are written.
GENERATOR_VERSION = 1
MIXES = ("normal", "noisy", "adversarial")
SEGMENT_EVENTS = 10_000
SESSION_EVENTS = 25_000

_EPOCH_NS = 1_760_000_000_000_000_000
_MIB = 1 << 20
_GIB = 1 << 30
_CAPACITY = 80 * _GIB
_WORLD = 8
_BACKENDS = ("cuda", "cuda", "cuda", "rocm", "mps")
_PHASES = ("epoch", "train", "forward", "attention", "backward", "optimizer", "evaluate", "load data")
_COLLECTOR_DOWN = "Collector unavailable; telemetry paused until it recovers."

# Event type, stated severity, text.
_ALERTS = (
    ("warning", None, "High fragmentation: {percent:.1f}%"),
    ("warning", None, "Memory usage at {percent:.1f}% (limit {number}%)"),
    ("warning", "warning", "Suspected leak: {number} bytes kept at 0x{bits:x}"),
    ("critical", None, "Device {device} almost full: {percent:.2f}%"),
    ("warning", None, "Allocation of {percent:.1f} MB in step {number}"),
    ("critical", "CRITICAL", "Out of memory is near in step {number}"),
    ("error", "error", "Reader\tthread  stopped: code {number}"),
    ("sample", "warning", "Peak reached: {percent:.2f} GB"),
    ("warning", "info", "Speicher \u00fcberlastet: {percent:.1f} % belegt \u2013 Schritt {number}"),
    ("warning", None, 'tensor_{device} moved, v1.{device}.x 12.5abc {number}%x "quoted" back\\slash'),
)
_COLLECTOR_ERRORS = (
    "RuntimeError: query failed at 0x{bits:x}",
    "TimeoutError: nothing after {number} ms",
    "OSError\ndevice {device} is gone",
    "driver answered {number}",
    None,
)
_PARTIAL_FIELDS: tuple[list[str], ...] = (
    [],
    ["device_free_bytes"],
    ["device_free_bytes", "device_total_bytes"],
)
_OOM_REASONS = ("message_pattern:out of memory", "torch.OutOfMemoryError", "hip error {device}", None)


class _Phases:
    """Opens and closes phases of two threads, always well nested."""

    def __init__(self, random: Random, session_id: str, first_thread: int) -> None:
        self._random = random
        self._session_id = session_id
        self._threads = ((first_thread, "MainThread"), (first_thread + 64, "loader-0"))
        self._open: tuple[list[dict[str, Any]], ...] = ([], [])
        self._sequence = 0

    def boundary(self) -> tuple[str, str, dict[str, Any]]:
        """Return event type, text and ``phase_scope`` of the next boundary."""
        random = self._random
        self._sequence += 1
        which = random.random() >= 0.8
        stack, (thread_id, thread_name) = self._open[which], self._threads[which]
        leaves = bool(stack) and (len(stack) >= 4 or random.random() < 0.5)
        if leaves:
            scope = stack.pop()
        else:
            name = random.choice(_PHASES)
            outer = stack[-1] if stack else None
            scope = {
                "attributes": {"batch": random.randrange(512)},
                "depth": len(stack) + 1,
                "name": name,
                "parent_scope_id": outer["scope_id"] if outer else None,
                "path": [*(outer["path"] if outer else ()), name],
                "scope_id": f"{self._session_id}:{self._sequence}",
                "thread_id": thread_id,
                "thread_name": thread_name,
            }
            stack.append(scope)
        action, word = ("exit", "exited") if leaves else ("enter", "entered")
        text = f"Phase {word}: {' / '.join(scope['path'])}"
        return f"phase_{action}", text, {**scope, "action": action, "sequence": self._sequence}


class _Memory:
    """Counters of a job whose hidden memory follows one of five courses."""

    def __init__(self, random: Random, course: int) -> None:
        self._random = random
        self._spikes = course in (0, 4)
        self._drifts = course in (1, 4)
        self._fragments = course == 2
        self._steady_gap = {0: 5 * _GIB, 2: 6 * _GIB}.get(course, 600 * _MIB)
        self.allocated = 10 * _GIB

    def counters(self, index: int) -> dict[str, int]:
        """Return the byte counters of the next event."""
        random = self._random
        step = random.randrange(1 << 22) - (1 << 21)
        self.allocated = allocated = min(60 * _GIB, max(_GIB, self.allocated + step))
        reserved = allocated + (allocated >> 4)
        if self._fragments:
            reserved = int(allocated * 2.2) if allocated < 30 * _GIB else allocated + (allocated >> 1)
        gap = self._steady_gap + random.randrange(100 * _MIB)
        if self._drifts:
            gap += index * 300_000
        if self._spikes and random.randrange(4000) == 0:
            gap += 9 * _GIB
        used = min(_CAPACITY, reserved + gap)
        active = allocated - (allocated >> 6)
        return {
            "allocator_active_bytes": active,
            "allocator_allocated_bytes": allocated,
            "allocator_change_bytes": step,
            "allocator_inactive_bytes": allocated - active,
            "allocator_reserved_bytes": reserved,
            "device_free_bytes": _CAPACITY - used,
            "device_total_bytes": _CAPACITY,
            "device_used_bytes": used,
        }


def session_records(index: int, count: int, mix: str = "normal") -> Iterator[dict[str, Any]]:
    """Yield the records of one session, in time order.

    Args:
        index: Number of the session; identity, times and course follow from it.
        count: Number of records.
        mix: One of ``MIXES``.
    """
    random = Random(f"{mix} {index}")
    session_id = f"{random.getrandbits(32):08x}-0000-4000-8000-{random.getrandbits(48):012x}"
    backend = _BACKENDS[index % len(_BACKENDS)]
    rank = index % _WORLD
    memory = _Memory(random, index % 5)
    phases = _Phases(random, session_id, 140_000_000_000_000 + index * 128)
    moment = _EPOCH_NS + index * 225_000_000_000
    identity = {
        "collector": f"stormlog.{backend}_tracker",
        "device_id": rank,
        "host": f"node-{index % 16:02d}.cluster.local",
        "job_id": f"job-{index // _WORLD:05d}",
        "local_rank": rank,
        "pid": 4000 + index,
        "rank": rank,
        "sampling_interval_ms": 100,
        "schema_version": 3,
        "session_id": session_id,
        "world_size": _WORLD,
    }
    for number in range(count):
        moment += 90_000_000 + random.randrange(20_000_000)
        metadata: dict[str, Any] = {
            "backend": backend,
            "collector_consecutive_failures": 0,
            "collector_health_status": "healthy",
            "collector_last_error": None,
            "collector_next_retry_epoch_s": None,
            "collector_partial_fields": [],
            "sampling_source": f"torch.{backend}",
            "supports_device_free": True,
            "supports_device_total": True,
            "telemetry_partial": False,
        }
        counters = memory.counters(number)
        chance = random.random()
        if number in (0, count - 1):
            event_type = "start" if number == 0 else "stop"
            context = f"Memory tracking {'started' if number == 0 else 'stopped'}"
        elif mix != "normal" or chance < 0.025:
            event_type, context = _evidence(random, mix, metadata, f"{index}_{number}")
        elif chance < 0.105:
            event_type, context, metadata["phase_scope"] = phases.boundary()
        else:
            event_type, context = "sample", f"Allocated {counters['allocator_allocated_bytes'] / _MIB:.2f} MB"
        yield {
            **identity,
            **counters,
            "context": context,
            "event_type": event_type,
            "metadata": metadata,
            "timestamp_ns": moment,
        }


def _evidence(random: Random, mix: str, metadata: dict[str, Any], label: str) -> tuple[str, str]:
    if mix == "adversarial":
        return "warning", f"request id-{random.getrandbits(64):016x}z failed"
    kind = random.randrange(100)
    parts = {
        "percent": 40 + random.random() * 55,
        "number": random.randrange(100_000),
        "bits": random.getrandbits(40),
        "device": random.randrange(8),
    }
    if kind < 70:
        event_type, severity, text = random.choice(_ALERTS)
        if severity is not None:
            metadata["severity"] = severity
        return event_type, text.format(**parts)
    if kind < 96:
        error = random.choice(_COLLECTOR_ERRORS)
        partial = random.choice(_PARTIAL_FIELDS)
        metadata |= {
            "collector_consecutive_failures": random.randrange(6),
            "collector_health_status": "unhealthy" if kind > 90 else "degraded",
            "collector_last_error": error.format(**parts) if error else None,
            "collector_next_retry_epoch_s": _EPOCH_NS / 1e9 + random.randrange(10_000) / 8,
            "collector_partial_fields": partial,
            "telemetry_partial": bool(partial),
        }
        return "collector_degraded" if kind % 2 else "sample", _COLLECTOR_DOWN
    reason = random.choice(_OOM_REASONS)
    metadata["oom_dump_path"] = f"/dumps/oom_dump_{label}"
    metadata["oom_reason"] = reason.format(**parts) if reason else None
    return "error", "CUDA out of memory"


def write_sink(
    directory: Path,
    events: int,
    *,
    mix: str = "normal",
    session_events: int = SESSION_EVENTS,
    segment_events: int = SEGMENT_EVENTS,
    processes: int = 2,
) -> int:
    """Write a sink of closed segments with its manifest.

    Args:
        directory: Created; files of the same name are replaced.
        events: Number of events of all sessions.
        mix: One of ``MIXES``.
        session_events: Events a session; the last one may have fewer.
        segment_events: Events a segment; each session begins a new one.
        processes: Sessions written at the same time.

    Returns:
        Bytes of all segments.
    """
    directory.mkdir(parents=True, exist_ok=True)
    jobs = []
    segment = 1
    for index in range(math.ceil(events / session_events)):
        count = min(session_events, events - index * session_events)
        jobs.append((directory, index, count, mix, segment, segment_events))
        segment += math.ceil(count / segment_events)
    with multiprocessing.get_context("spawn").Pool(min(processes, len(jobs))) as pool:
        written = pool.starmap(_write_session, jobs, chunksize=1)
    segments = [entry for _, entries in written for entry in entries]
    manifest = {
        "schema_version": 2,
        "format": "stormlog.append_only_telemetry_sink",
        "sessions": [session for session, _ in written],
        "segments": segments,
    }
    (directory / "manifest.json").write_text(json.dumps(manifest, indent=2), encoding="utf-8")
    return sum(entry["size_bytes"] for entry in segments)


def _write_session(
    directory: Path, index: int, count: int, mix: str, first_segment: int, segment_events: int
) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    first: dict[str, Any] = {}
    record: dict[str, Any] = {}
    lines: list[str] = []
    segments: list[dict[str, Any]] = []
    for number, record in enumerate(session_records(index, count, mix), start=1):
        first = first or record
        lines.append(json.dumps(record, sort_keys=True) + "\n")
        if len(lines) == segment_events or number == count:
            name = f"segment-{first_segment + len(segments):06d}.jsonl"
            size = (directory / name).write_bytes("".join(lines).encode("ascii"))
            segments.append(
                {
                    "filename": name,
                    "event_count": len(lines),
                    "size_bytes": size,
                    "closed": True,
                    "session_id": record["session_id"],
                }
            )
            lines = []
    session = {name: first[name] for name in ("session_id", "host", "pid", "job_id", "rank", "local_rank")}
    session |= {
        "status": "completed",
        "started_at_ns": first["timestamp_ns"],
        "ended_at_ns": record["timestamp_ns"],
        "world_size": _WORLD,
        "source": "stormlog.tracker",
    }
    return session, segments


def main() -> None:
    """Write a sink from the command line."""
    parser = argparse.ArgumentParser(description="Write a large append-only sink.")
    parser.add_argument("directory", type=Path)
    parser.add_argument("events", type=int)
    parser.add_argument("--mix", choices=MIXES, default="normal")
    parser.add_argument("--session-events", type=int, default=SESSION_EVENTS)
    parser.add_argument("--segment-events", type=int, default=SEGMENT_EVENTS)
    given = parser.parse_args()
    size = write_sink(
        given.directory,
        given.events,
        mix=given.mix,
        session_events=given.session_events,
        segment_events=given.segment_events,
    )
    print(f"{given.directory}: {given.events} events, {size} bytes, {size / given.events:.1f} bytes an event")


if __name__ == "__main__":
    main()
