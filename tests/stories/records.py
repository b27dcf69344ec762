"""What the tracker of one rank writes during one session: its events, in the order of time."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

GIB = 2**30
MIB = 2**20
SECOND = 10**9

MAIN_THREAD = 140001
LOADER_THREAD = 140002
_THREAD_NAMES = {MAIN_THREAD: "MainThread", LOADER_THREAD: "loader"}
_COLLECTORS = {
    "cuda": "stormlog.cuda_tracker",
    "rocm": "stormlog.rocm_tracker",
    "mps": "stormlog.mps_tracker",
}


@dataclass(frozen=True)
class Levels:
    """Counters of one moment in bytes; None is what the collector could not tell."""

    allocated: int | None
    reserved: int | None
    used: int | None
    free: int | None
    total: int | None


@dataclass(frozen=True)
class Bundle:
    """An OOM bundle: when its failure was (nanoseconds), and what its metadata say of the exception."""

    time_ns: int
    message: str
    exception_type: str
    reason: str
    context: str | None = None


@dataclass
class Recording:
    """Events and bundles of one session of one rank.

    ``events`` are records of version 3 (or 4); the files of an older version are made of them when they are
    written. ``directory`` is the sink, relative to the job.
    """

    session_id: str
    rank: int
    world_size: int
    host: str
    pid: int
    job_id: str | None
    directory: str
    version: int = 3
    interval_ms: int = 500
    device_id: int = 0
    local_rank: int = 0
    backend: str = "cuda"
    status: str = "completed"
    metadata: dict[str, Any] = field(default_factory=dict)
    events: list[dict[str, Any]] = field(default_factory=list)
    bundles: list[Bundle] = field(default_factory=list)
    levels: Levels = field(default_factory=lambda: Levels(0, 0, 0, None, None))
    _sequence: int = 0
    _open: dict[int, list[tuple[str, int, list[str]]]] = field(default_factory=dict)

    def add(
        self,
        event_type: str,
        time_ns: int,
        levels: Levels | None = None,
        context: str | None = None,
        metadata: dict[str, Any] | None = None,
        device_id: int | None = None,
    ) -> dict[str, Any]:
        """Add an event; without levels it shows those of the event before."""
        if levels is not None:
            self.levels = levels
        now = levels or self.levels
        before = self.events[-1]["allocator_allocated_bytes"] if self.events else None
        known = now.allocated is not None
        event = {
            "schema_version": 4 if self.version == 4 else 3,
            "session_id": self.session_id,
            "timestamp_ns": time_ns,
            "event_type": event_type,
            "collector": _COLLECTORS.get(self.backend, f"stormlog.{self.backend}_tracker"),
            "sampling_interval_ms": self.interval_ms,
            "pid": self.pid,
            "host": self.host,
            "job_id": self.job_id,
            "rank": self.rank,
            "local_rank": self.local_rank,
            "world_size": self.world_size,
            "device_id": self.device_id if device_id is None else device_id,
            "allocator_allocated_bytes": now.allocated,
            "allocator_reserved_bytes": now.reserved,
            "allocator_active_bytes": now.allocated,
            "allocator_inactive_bytes": None,
            "allocator_change_bytes": (now.allocated - (before or 0) if known else None),
            "device_used_bytes": now.used,
            "device_free_bytes": now.free,
            "device_total_bytes": now.total,
            "context": context,
            "metadata": {"backend": self.backend, **(metadata or {})},
        }
        if self.version == 4:
            event["metadata"]["memory_capabilities"] = self._capabilities()
        self.events.append(event)
        return event

    def start(self, time_ns: int, levels: Levels) -> None:
        """Add the start event, which carries what is known of the whole session."""
        self.add("start", time_ns, levels, "Memory tracking started", self.metadata)

    def stop(self, time_ns: int) -> None:
        self.add("stop", time_ns, None, "Memory tracking stopped")

    def enter(self, time_ns: int, name: str, thread_id: int = MAIN_THREAD) -> None:
        """Add the event of a phase that begins."""
        stack = self._open.setdefault(thread_id, [])
        self._sequence += 1
        path = [*(stack[-1][2] if stack else []), name]
        parent = stack[-1][0] if stack else None
        scope_id = f"{self.session_id}:{self._sequence}"
        stack.append((scope_id, self._sequence, path))
        self._boundary("enter", time_ns, scope_id, path, parent, thread_id)

    def leave(self, time_ns: int, thread_id: int = MAIN_THREAD) -> None:
        """Add the event of the innermost open phase that ends."""
        stack = self._open[thread_id]
        scope_id, _, path = stack.pop()
        self._sequence += 1
        self._boundary("exit", time_ns, scope_id, path, stack[-1][0] if stack else None, thread_id)

    def depth(self, thread_id: int = MAIN_THREAD) -> int:
        """Return how many phases of a thread are open."""
        return len(self._open.get(thread_id, []))

    def sort(self) -> None:
        """Put events that were added afterwards where they belong in time."""
        self.events.sort(key=lambda event: event["timestamp_ns"])

    @property
    def samples(self) -> list[dict[str, Any]]:
        return [event for event in self.events if event["event_type"] == "sample"]

    def _boundary(
        self, action: str, time_ns: int, scope_id: str, path: list[str], parent: str | None, thread_id: int
    ) -> None:
        scope = {
            "action": action,
            "name": path[-1],
            "path": path,
            "depth": len(path),
            "scope_id": scope_id,
            "parent_scope_id": parent,
            "thread_id": thread_id,
            "thread_name": _THREAD_NAMES.get(thread_id, f"thread-{thread_id}"),
            "sequence": self._sequence,
        }
        verb = "entered" if action == "enter" else "exited"
        text = f"Phase {verb}: {' / '.join(path)}"
        self.add(f"phase_{action}", time_ns, None, text, {"phase_scope": scope})

    def _capabilities(self) -> dict[str, Any]:
        flags = (
            "allocator_allocated allocator_reserved allocator_active allocator_inactive device_used device_free "
            "device_total native_allocator_history fragmentation_analysis allocator_attribution bounded_profiling"
        )
        return {
            "backend": self.backend,
            "telemetry_collector": _COLLECTORS.get(self.backend, f"stormlog.{self.backend}_tracker"),
            "sampling_source": "simulated",
            **{f"supports_{flag}": True for flag in flags.split()},
        }
