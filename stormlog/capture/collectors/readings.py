"""What a collector says about memory at one moment, and what it can say at all.

Promise: a number that is not known is null, never 0 and never another number in its place.

Source: docs/capture.md#collectors.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from typing import Any, Protocol

from stormlog._values import frozen_class

__all__ = ["Collector", "MemoryCapabilities", "MemoryReading"]


@frozen_class
class MemoryReading:
    """Memory of one device at one moment, in bytes; null where it is not known.

    Attributes:
        device_id: Index of the device; -1 for none.
        allocated: What the job has allocated and not freed.
        reserved: What the allocator holds for it, allocated or not.
        active: What the allocator cannot give away yet.
        inactive: What it holds in pieces that are split and unused.
        used: What is in use on the device, by whomever.
        free: What is free on the device.
        total: How much the device has.
        missing: Names of counters that the collector knows at other times, and failed to read now.
        details: Anything else, for the metadata of the record.
    """

    device_id: int
    allocated: int | None = None
    reserved: int | None = None
    active: int | None = None
    inactive: int | None = None
    used: int | None = None
    free: int | None = None
    total: int | None = None
    missing: tuple[str, ...] = ()
    details: Mapping[str, Any] = field(default_factory=dict)


@frozen_class
class MemoryCapabilities:
    """Which numbers a collector can know, as version 4 records say it.

    Attributes:
        allocated: Whether it can know what the job has allocated; the others likewise, by the names of
            `MemoryReading`.
        native_history: Whether the allocator can tell where each piece was allocated.
        fragmentation: Whether reserved but unallocated memory means fragmentation there.
        attribution: Whether allocated and reserved are the job's own, not the whole device's.
        bounded_profiling: Whether a piece of the job can be profiled alone.
    """

    allocated: bool
    reserved: bool
    active: bool
    inactive: bool
    used: bool
    free: bool
    total: bool
    native_history: bool = False
    fragmentation: bool = False
    attribution: bool = False
    bounded_profiling: bool = False


class Collector(Protocol):
    """A source of readings.

    Attributes:
        name: Stands in the records as their collector, for example ``stormlog.cuda_tracker``.
        backend: What allocates: ``cuda``, ``rocm``, ``mps``, ``cpu``, ``jax``.
        sampling_source: Which interface the numbers come from.
        capabilities: What it can know. It does not change.
    """

    name: str
    backend: str
    sampling_source: str
    capabilities: MemoryCapabilities

    def read(self) -> MemoryReading:
        """Return what is known now.

        Raises:
            Exception: nothing can be read; asked again later.
        """
        ...

    def close(self) -> None:
        """Give up what reading needs. Called once, at the end."""
        ...
