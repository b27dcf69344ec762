"""Telemetry records as a writer makes them: readings with who, when and why.

Promise: all records of a session are of one version: 3 if its first reading has the counters that version 3 needs, else
4, which says what the collector can know.

Source: docs/capture.md#records.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from stormlog.capture.collectors.readings import Collector, MemoryReading
from stormlog.capture.identity import Identity
from stormlog.telemetry import SCHEMA_VERSION_V3, SCHEMA_VERSION_V4, SessionSummary

__all__ = ["RecordMaker"]

_WHOLE_NUMBERS = frozenset((int,))


class RecordMaker:
    """Makes the records of one session.

    Args:
        session: The session.
        identity: Who writes.
        collector: Where readings come from.
        interval_ms: Time between samples, in milliseconds.
        first_reading: The first of them; null if nothing could be read.
        pid: Of the process that the readings are about; by default this one.
    """

    def __init__(
        self,
        session: SessionSummary,
        identity: Identity,
        collector: Collector,
        interval_ms: int,
        first_reading: MemoryReading | None,
        *,
        pid: int | None = None,
    ) -> None:
        is_complete = first_reading is not None and _has_core_counters(first_reading)
        self._version = SCHEMA_VERSION_V3 if is_complete else SCHEMA_VERSION_V4
        self._head = {
            "schema_version": self._version,
            "session_id": session.session_id,
            "collector": collector.name,
            "sampling_interval_ms": interval_ms,
            "pid": os.getpid() if pid is None else pid,
            "host": session.host,
            "job_id": identity.job_id,
            "rank": identity.rank,
            "local_rank": identity.local_rank,
            "world_size": identity.world_size,
        }
        self._metadata: dict[str, Any] = {
            **identity.metadata,
            "backend": collector.backend,
            "sampling_source": collector.sampling_source,
            "supports_device_free": collector.capabilities.free,
            "supports_device_total": collector.capabilities.total,
        }
        if self._version == SCHEMA_VERSION_V4:
            self._metadata["memory_capabilities"] = _capabilities_of(collector)
        # Of the record before: what it was made of, and what it became.
        self._details_before: dict[str, Any] | None = None
        self._more_before: Mapping[str, Any] | None = None
        self._metadata_before: dict[str, Any] = {}

    def can_be_written(self, reading: MemoryReading) -> bool:
        """Say whether the session's version has a form for a reading: version 3 has none for unknown counters."""
        return self._version == SCHEMA_VERSION_V4 or _has_core_counters(reading)

    def record(
        self,
        event_type: str,
        reading: MemoryReading,
        timestamp_ns: int,
        *,
        change: int | None,
        context: str | None = None,
        metadata: Mapping[str, Any] | None = None,
    ) -> dict[str, Any]:
        """Return one record.

        Args:
            event_type: For example ``sample``.
            reading: What is known of memory.
            timestamp_ns: When, in nanoseconds since the Unix epoch.
            change: Allocated bytes, less those of the sample before; null if that is not known.
            context: What happened, for people.
            metadata: What this record says beside what all say. An object that is given again has not changed.

        Returns:
            The record. Its metadata is the same object as before where nothing in it can have changed.
        """
        return {
            **self._head,
            "timestamp_ns": timestamp_ns,
            "event_type": event_type,
            "device_id": reading.device_id,
            "allocator_allocated_bytes": reading.allocated,
            "allocator_reserved_bytes": reading.reserved,
            "allocator_active_bytes": reading.active,
            "allocator_inactive_bytes": reading.inactive,
            "allocator_change_bytes": 0 if change is None and self._version == SCHEMA_VERSION_V3 else change,
            "device_used_bytes": reading.used,
            "device_free_bytes": reading.free,
            "device_total_bytes": reading.total,
            "context": context,
            "metadata": self._merged(reading.details, metadata),
        }

    def _merged(self, details: Mapping[str, Any], more: Mapping[str, Any] | None) -> dict[str, Any]:
        told = dict(details)
        # Equal values of other types can be written differently, as true and 1 are.
        is_plain = more is not None and _WHOLE_NUMBERS.issuperset(map(type, told.values()))
        if not is_plain or more is not self._more_before or told != self._details_before:
            self._details_before, self._more_before = told if is_plain else None, more
            self._metadata_before = {**self._metadata, **details, **(more or {})}
        return self._metadata_before


def _has_core_counters(reading: MemoryReading) -> bool:
    return None not in (reading.allocated, reading.reserved, reading.used)


def _capabilities_of(collector: Collector) -> dict[str, Any]:
    can = collector.capabilities
    return {
        "backend": collector.backend,
        "telemetry_collector": collector.name,
        "sampling_source": collector.sampling_source,
        "supports_allocator_allocated": can.allocated,
        "supports_allocator_reserved": can.reserved,
        "supports_allocator_active": can.active,
        "supports_allocator_inactive": can.inactive,
        "supports_device_used": can.used,
        "supports_device_free": can.free,
        "supports_device_total": can.total,
        "supports_native_allocator_history": can.native_history,
        "supports_fragmentation_analysis": can.fragmentation,
        "supports_allocator_attribution": can.attribution,
        "supports_bounded_profiling": can.bounded_profiling,
    }
