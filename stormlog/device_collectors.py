"""Collectors of one's own, as stormlog 0.4.3 asks for them: a class that says what it can know, and samples.

`reading_collector` makes one of them a collector of `stormlog.capture`.

Source: docs/compatibility.md#imports.
"""

from __future__ import annotations

import dataclasses
from abc import ABC, abstractmethod
from collections.abc import Mapping
from functools import partial
from importlib import import_module
from typing import Any

from stormlog._former_names import refuse_name
from stormlog.capture import Collector, MemoryCapabilities, MemoryReading

__all__ = [
    "DeviceMemoryCapabilities",
    "DeviceMemoryCollector",
    "DeviceMemorySample",
    "DeviceMemorySampleResult",
    "detect_torch_runtime_backend",
    "reading_collector",
    "validate_device_memory_sample",
]

__getattr__ = partial(refuse_name, __name__)

#: Counters by the names of samples, and by those of `MemoryReading`, capabilities and records.
_COUNTERS = {
    "allocated_bytes": ("allocated", "supports_allocator_allocated", "allocator_allocated_bytes"),
    "reserved_bytes": ("reserved", "supports_allocator_reserved", "allocator_reserved_bytes"),
    "active_bytes": ("active", "supports_allocator_active", "allocator_active_bytes"),
    "inactive_bytes": ("inactive", "supports_allocator_inactive", "allocator_inactive_bytes"),
    "used_bytes": ("used", "supports_device_used", "device_used_bytes"),
    "free_bytes": ("free", "supports_device_free", "device_free_bytes"),
    "total_bytes": ("total", "supports_device_total", "device_total_bytes"),
}
#: What needs an allocator that tells what it allocated and reserved.
_OF_ALLOCATORS = (
    "supports_native_allocator_history",
    "supports_fragmentation_analysis",
    "supports_allocator_attribution",
    "supports_bounded_profiling",
)


@dataclasses.dataclass(frozen=True)
class DeviceMemoryCapabilities:
    """What a collector can know, as version 4 records say it.

    Raises:
        ValueError: a name is blank, or one capability needs another that is not there.
    """

    backend: str
    telemetry_collector: str
    sampling_source: str
    supports_allocator_allocated: bool = False
    supports_allocator_reserved: bool = False
    supports_allocator_active: bool = False
    supports_allocator_inactive: bool = False
    supports_device_used: bool = False
    supports_device_free: bool = False
    supports_device_total: bool = False
    supports_native_allocator_history: bool = False
    supports_fragmentation_analysis: bool = False
    supports_allocator_attribution: bool = False
    supports_bounded_profiling: bool = False

    def __post_init__(self) -> None:
        for name in ("backend", "telemetry_collector", "sampling_source"):
            if not getattr(self, name).strip():
                raise ValueError(f"{name} must not be blank")
        if not (self.supports_allocator_allocated or self.supports_device_used):
            raise ValueError("a collector must know allocated memory, or used memory of the device")
        if not (self.supports_allocator_allocated and self.supports_allocator_reserved):
            refused = [name for name in _OF_ALLOCATORS if getattr(self, name)]
            if refused:
                raise ValueError(f"{', '.join(refused)} need allocated and reserved memory")

    def to_metadata(self) -> dict[str, Any]:
        """Return what `memory_capabilities` of a record says."""
        return dataclasses.asdict(self)


@dataclasses.dataclass(frozen=True)
class DeviceMemorySample:
    """Memory of one device at one moment, in bytes; null where it is not known."""

    allocated_bytes: int | None
    reserved_bytes: int | None
    used_bytes: int | None
    free_bytes: int | None
    total_bytes: int | None
    active_bytes: int | None
    inactive_bytes: int | None
    device_id: int


@dataclasses.dataclass(frozen=True)
class DeviceMemorySampleResult:
    """A sample, and what is missing in it.

    Attributes:
        sample: The sample; null if nothing could be read.
        partial_fields: Counters, by the names of records, that the collector knows at other times.
        errors: Why, by counter.
        core_error: Why nothing could be read; null if something was.
    """

    sample: DeviceMemorySample | None
    partial_fields: tuple[str, ...] = ()
    errors: dict[str, str] = dataclasses.field(default_factory=dict)
    core_error: str | None = None

    @property
    def is_partial(self) -> bool:
        """Whether there is a sample that lacks counters."""
        return self.sample is not None and bool(self.partial_fields)

    @property
    def is_core_failure(self) -> bool:
        """Whether there is no sample."""
        return self.sample is None


class DeviceMemoryCollector(ABC):
    """A source of samples."""

    @abstractmethod
    def name(self) -> str:
        """Return what allocates, for example ``cuda``."""

    @abstractmethod
    def is_available(self) -> bool:
        """Say whether it can sample here."""

    @abstractmethod
    def sample(self) -> DeviceMemorySample:
        """Return what is known now.

        Raises:
            Exception: nothing can be read.
        """

    @abstractmethod
    def capabilities(self) -> DeviceMemoryCapabilities:
        """Return what it can know. That does not change."""

    def sample_with_diagnostics(self) -> DeviceMemorySampleResult:
        """Return what is known now, and what is missing in it."""
        try:
            return DeviceMemorySampleResult(self.sample())
        except Exception as error:
            return DeviceMemorySampleResult(None, errors={"core_metrics": str(error)}, core_error=str(error))


def validate_device_memory_sample(
    sample: DeviceMemorySample,
    capabilities: DeviceMemoryCapabilities,
    *,
    partial_fields: tuple[str, ...] = (),
) -> None:
    """Refuse a sample that says other counters than its collector.

    Args:
        sample: The sample.
        capabilities: Of its collector.
        partial_fields: Counters, by the names of records, that could not be read this time.

    Raises:
        ValueError: it does.
    """
    unknown = sorted(set(partial_fields) - {counter for _, _, counter in _COUNTERS.values()})
    if unknown:
        raise ValueError(f"there are no counters {', '.join(unknown)}")
    for name, (_, capability, counter) in _COUNTERS.items():
        value, is_supported = getattr(sample, name), getattr(capabilities, capability)
        is_missing = counter in partial_fields
        if value is not None and value < 0:
            raise ValueError(f"{counter} must not be negative")
        if value is not None and (is_missing or not is_supported):
            raise ValueError(
                f"{counter} has a value, but is {'missing' if is_supported else 'not supported'}"
            )
        if value is None and is_missing != is_supported:
            raise ValueError(
                f"{counter} is {'not among the partial fields' if is_supported else 'not supported'}"
            )
    if all(getattr(sample, name) is None for name in _COUNTERS):
        raise ValueError("the sample has no counters")
    for name in ("used_bytes", "free_bytes"):
        value = getattr(sample, name)
        if value is not None and sample.total_bytes is not None and value > sample.total_bytes:
            raise ValueError(f"device_{name} must not be above device_total_bytes")


def detect_torch_runtime_backend() -> str:
    """Return what PyTorch computes with here: ``cuda``, ``rocm``, ``mps`` or ``cpu``.

    Raises:
        ImportError: PyTorch is not installed.
    """
    torch: Any = import_module("torch")
    if torch.cuda.is_available():
        return "cuda" if getattr(torch.version, "hip", None) is None else "rocm"
    mps = getattr(torch.backends, "mps", None)
    return "mps" if mps is not None and mps.is_available() else "cpu"


def reading_collector(collector: DeviceMemoryCollector) -> Collector:
    """Return the same source as a collector of `stormlog.capture`."""
    return _ReadingCollector(collector)


class _ReadingCollector:
    def __init__(self, collector: DeviceMemoryCollector) -> None:
        can: Any = collector.capabilities()
        self._can = can if isinstance(can, DeviceMemoryCapabilities) else _capabilities_of(can)
        self._collector = collector
        self.name = self._can.telemetry_collector
        self.backend = collector.name()
        self.sampling_source = self._can.sampling_source
        self.capabilities = MemoryCapabilities(
            **{name: getattr(self._can, capability) for name, capability, _ in _COUNTERS.values()},
            native_history=self._can.supports_native_allocator_history,
            fragmentation=self._can.supports_fragmentation_analysis,
            attribution=self._can.supports_allocator_attribution,
            bounded_profiling=self._can.supports_bounded_profiling,
        )

    def read(self) -> MemoryReading:
        result = self._collector.sample_with_diagnostics()
        if result.sample is None:
            raise RuntimeError(result.core_error or "nothing could be read")
        validate_device_memory_sample(result.sample, self._can, partial_fields=result.partial_fields)
        values = {name: getattr(result.sample, counter) for counter, (name, _, _) in _COUNTERS.items()}
        return MemoryReading(result.sample.device_id, missing=tuple(result.partial_fields), **values)

    def close(self) -> None:
        """Nothing is held."""


def _capabilities_of(said: Mapping[str, Any]) -> DeviceMemoryCapabilities:
    known = {field.name for field in dataclasses.fields(DeviceMemoryCapabilities)}
    return DeviceMemoryCapabilities(**{name: value for name, value in said.items() if name in known})
