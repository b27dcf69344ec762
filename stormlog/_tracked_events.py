"""The events of a session in memory, with the names and numbers that trackers of stormlog 0.4.3 tell of them.

Promise: memory stays bounded, whatever a session records.

Source: docs/compatibility.md#imports.
"""

from __future__ import annotations

import dataclasses
import json
import os
import threading
import time
from collections import deque
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from stormlog.utils import format_bytes

__all__ = ["TrackedEvents", "TrackingEvent"]

ALERT_TYPES = ("warning", "critical", "error")
_HEALTH = (
    "collector_health_status",
    "telemetry_partial",
    "collector_partial_fields",
    "collector_last_error",
    "collector_consecutive_failures",
    "collector_next_retry_epoch_s",
)
_HOUR = 3600


@dataclasses.dataclass
class TrackingEvent:
    """One event of a tracker. Memory is in bytes and null where it is not known; the time is in seconds since 1970."""

    timestamp: float
    event_type: str
    memory_allocated: int | None
    memory_reserved: int | None
    memory_change: int | None
    device_id: int
    session_id: str | None = None
    context: str | None = None
    job_id: str | None = None
    rank: int = 0
    local_rank: int = 0
    world_size: int = 1
    metadata: dict[str, Any] | None = None
    active_memory: int | None = None
    inactive_memory: int | None = None
    device_used: int | None = None
    device_free: int | None = None
    device_total: int | None = None
    backend: str = "cuda"


class TrackedEvents:
    """The last events of a session, and what is counted over all of them.

    To the records of the session it adds the events ``peak``, ``allocation`` and ``deallocation`` that samples stand
    for. The oldest events make room for the newest.

    Args:
        max_events: Events that are kept.
        tells_resident: Whether resident memory stands for what was allocated and reserved.
    """

    def __init__(self, max_events: int, *, tells_resident: bool) -> None:
        self._max_events = max_events
        self._tells_resident = tells_resident
        self._allocated = "device_used_bytes" if tells_resident else "allocator_allocated_bytes"
        self._reserved = "device_used_bytes" if tells_resident else "allocator_reserved_bytes"
        self._lock = threading.Lock()
        self.clear()

    def clear(self) -> None:
        """Forget all events and counts."""
        with self._lock:
            # Each with the change of memory that its event tells.
            self._kept: deque[tuple[Mapping[str, Any], int | None]] = deque(maxlen=self._max_events)
            self._dropped = 0
            self._latest: Mapping[str, Any] | None = None
            self._peak = self._peak_used = 0
            self._allocations = self._deallocations = 0
            self._allocated_bytes = self._deallocated_bytes = 0
            self._alerts = 0

    def add(self, record: Mapping[str, Any]) -> TrackingEvent | None:
        """Add a record.

        Returns:
            Its event if it is an alert, else None.
        """
        is_alert = record["event_type"] in ALERT_TYPES
        with self._lock:
            self._alerts += is_alert
            if record["event_type"] == "sample":
                self._add_what_a_sample_stands_for(record)
            change = 0 if self._tells_resident else record["allocator_change_bytes"]
            self._keep(record, change)
        return self._event_of(record, change) if is_alert else None

    def events(
        self, event_type: str | None = None, last_n: int | None = None, since: float | None = None
    ) -> list[TrackingEvent]:
        """Return events, the oldest first.

        Args:
            event_type: Only those of this type.
            last_n: At most so many, the newest.
            since: Only those from this moment on, in seconds since 1970.
        """
        with self._lock:
            kept = list(self._kept)
        found = [
            (record, change)
            for record, change in kept
            if (not event_type or record["event_type"] == event_type)
            and (not since or record["timestamp_ns"] >= since * 1e9)
        ]
        return [self._event_of(*item) for item in (found[-last_n:] if last_n else found)]

    def timeline(self, interval: float) -> dict[str, list[Any]]:
        """Return the last known memory of each stretch of time that has events.

        Args:
            interval: Length of a stretch, in seconds.

        Returns:
            Lists of equal length: ``timestamps`` (where stretches begin, in seconds since 1970), ``allocated``,
            ``reserved``, ``device_used``, ``device_free`` and ``device_total``.

        Raises:
            ValueError: the interval is not above 0.
        """
        if not interval > 0:
            raise ValueError(f"interval must be above 0, not {interval}")
        events = self.events()
        last_of = {int((event.timestamp - events[0].timestamp) // interval): event for event in events}
        return {
            "timestamps": [events[0].timestamp + stretch * interval for stretch in last_of],
            "allocated": [event.memory_allocated for event in last_of.values()],
            "reserved": [event.memory_reserved for event in last_of.values()],
            "device_used": [event.device_used for event in last_of.values()],
            "device_free": [event.device_free for event in last_of.values()],
            "device_total": [event.device_total for event in last_of.values()],
        }

    def statistics(self, started_at: float | None) -> dict[str, Any]:
        """Return what is counted, by the names of 0.4.3; null where the collector cannot know it.

        Args:
            started_at: When the session began, in seconds since 1970.
        """
        now = time.time()
        with self._lock:
            records, latest = [record for record, _ in self._kept], self._latest
            counted: dict[str, Any] = {
                "peak_memory": self._peak,
                "total_allocations": self._allocations,
                "total_deallocations": self._deallocations,
                "total_allocation_bytes": self._allocated_bytes,
                "total_deallocation_bytes": self._deallocated_bytes,
                "average_allocation_size": self._allocated_bytes / max(self._allocations, 1),
                "average_deallocation_size": self._deallocated_bytes / max(self._deallocations, 1),
            }
            found = {
                "peak_device_used": self._peak_used,
                "alert_count": self._alerts,
                "tracking_start_time": started_at,
                "total_events": len(records),
                "events_last_hour": sum(record["timestamp_ns"] > 1e9 * (now - _HOUR) for record in records),
                "history_window_limit_events": self._max_events,
                "history_retained_events": len(records),
                "history_dropped_events": self._dropped,
                "last_memory_check": 0 if latest is None else latest["timestamp_ns"] / 1e9,
            }
        duration = 0.0 if started_at is None else now - started_at
        counted["allocations_per_second"] = counted["total_allocations"] / max(duration, 1)
        counted["bytes_allocated_per_second"] = counted["total_allocation_bytes"] / max(duration, 1)
        shown = records[-1] if latest is None and records else latest
        if shown is not None and shown[self._allocated] is None:
            counted = dict.fromkeys(counted)
        return {
            **found,
            **counted,
            "tracking_duration_seconds": duration,
            **self._now(records, latest),
        }

    def export(self, path: str, format: str) -> None:
        """Write the records of the events into a file, whole or not at all; nothing if there are none.

        Args:
            path: The file; it is replaced if it is there.
            format: ``csv`` or ``json``.

        Raises:
            ValueError: there is no such format, or the file cannot be one.
            OSError: it cannot be written.
        """
        if format not in ("csv", "json"):
            raise ValueError(f"format must be csv or json, not {format!r}")
        with self._lock:
            records = [record for record, _ in self._kept]
        if not records:
            return
        # Late: a job that exports nothing needs none of it.
        import csv
        import io

        from stormlog._new_files import new_file
        from stormlog._opening import OpenedPaths

        text = io.StringIO(newline="")
        if format == "json":
            json.dump(records, text, indent=2, default=str)
        else:
            writer = csv.DictWriter(text, list(records[0]))
            writer.writeheader()
            writer.writerows(
                {**record, "metadata": json.dumps(record["metadata"], default=str)} for record in records
            )
        with new_file(os.fspath(Path(path).absolute()), replaces=True, kept=OpenedPaths(())) as file:
            file.write(text.getvalue().encode("utf-8"))

    def _now(self, records: list[Mapping[str, Any]], latest: Mapping[str, Any] | None) -> dict[str, Any]:
        """Return the memory of the last sample and the health of the collector, as the last record says it."""
        metadata = records[-1]["metadata"] if records else {}
        # What was read before the collector failed is not what is there now.
        known = None if metadata.get("collector_health_status") == "unhealthy" else latest
        names = {
            "current_memory_allocated": self._allocated,
            "current_memory_reserved": self._reserved,
            "current_device_used": "device_used_bytes",
            "current_device_free": "device_free_bytes",
            "device_total": "device_total_bytes",
        }
        found = {name: None if known is None else known[counter] for name, counter in names.items()}
        used, total = found["current_device_used"], found["device_total"]
        found["memory_utilization_percent"] = 100 * used / total if used is not None and total else None
        return {**found, **{name: metadata[name] for name in _HEALTH if name in metadata}}

    def _add_what_a_sample_stands_for(self, sample: Mapping[str, Any]) -> None:
        before, self._latest = self._latest, sample
        self._peak_used = max(self._peak_used, sample["device_used_bytes"] or 0)
        allocated = sample[self._allocated]
        if allocated is None:
            return
        known_before = None if before is None else before[self._allocated]
        change = 0 if known_before is None else allocated - known_before
        what = "resident memory" if self._tells_resident else "memory"
        if allocated > self._peak:
            self._peak = allocated
            self._keep_as(sample, "peak", change, f"New peak of {what}: {format_bytes(allocated)}")
        if change > 0:
            self._allocations += 1
            self._allocated_bytes += change
            self._keep_as(sample, "allocation", change, f"More {what}: {format_bytes(change)}")
        elif change < 0:
            self._deallocations += 1
            self._deallocated_bytes -= change
            self._keep_as(sample, "deallocation", change, f"Less {what}: {format_bytes(-change)}")

    def _keep_as(self, sample: Mapping[str, Any], event_type: str, change: int, context: str) -> None:
        self._keep({**sample, "event_type": event_type, "context": context}, change)

    def _keep(self, record: Mapping[str, Any], change: int | None) -> None:
        self._dropped += len(self._kept) == self._max_events
        self._kept.append((record, change))

    def _event_of(self, record: Mapping[str, Any], change: int | None) -> TrackingEvent:
        return TrackingEvent(
            timestamp=record["timestamp_ns"] / 1e9,
            event_type=record["event_type"],
            memory_allocated=record[self._allocated],
            memory_reserved=record[self._reserved],
            memory_change=change,
            device_id=record["device_id"],
            session_id=record["session_id"],
            context=record["context"],
            job_id=record["job_id"],
            rank=record["rank"],
            local_rank=record["local_rank"],
            world_size=record["world_size"],
            metadata=dict(record["metadata"]),
            active_memory=record["allocator_active_bytes"],
            inactive_memory=record["allocator_inactive_bytes"],
            device_used=record["device_used_bytes"],
            device_free=record["device_free_bytes"],
            device_total=record["device_total_bytes"],
            backend=record["metadata"]["backend"],
        )
