"""Ratios that follow from one event's counters.

Two models exist because version 4 gave one name a new meaning: ``fragmentation_ratio`` is reserved
but unallocated memory up to version 3, and inactive memory in version 4, where the older ratio is
called ``allocator_cache_ratio``. A record is read by the model it was written for.

Source: docs/concepts.md#events.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from stormlog.telemetry.schema import SCHEMA_VERSION_V4

__all__ = ["derive_fields", "derive_fields_v3", "derive_fields_v4", "is_degraded_collector"]

_DEGRADED_WORDS = ("fallback", "degraded", "unavailable", "partial", "legacy.unknown")


def derive_fields(event: Mapping[str, Any]) -> dict[str, Any]:
    """Return the derived fields of an event dict by the model of its ``schema_version``."""
    if event.get("schema_version") == SCHEMA_VERSION_V4:
        return derive_fields_v4(event)
    return derive_fields_v3(event)


def derive_fields_v3(event: Mapping[str, Any]) -> dict[str, Any]:
    """Return gap (bytes), two ratios and the collector flag; unknown counters count as 0.

    Args:
        event: An event dict; missing keys are read as null.

    Returns:
        ``allocator_gap_bytes``, ``utilization_ratio``, ``fragmentation_ratio`` (null without a
        positive denominator) and ``is_degraded_collector``.
    """
    allocated = event.get("allocator_allocated_bytes") or 0
    reserved = event.get("allocator_reserved_bytes") or 0
    gap = max(0, reserved - allocated)
    return {
        "allocator_gap_bytes": gap,
        "utilization_ratio": _ratio(allocated, event.get("device_total_bytes")),
        "fragmentation_ratio": _ratio(gap, reserved),
        "is_degraded_collector": is_degraded_collector(event.get("collector")),
    }


def derive_fields_v4(event: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields of the version 4 model; an unknown operand makes the result null.

    Args:
        event: An event dict; missing keys are read as null.

    Returns:
        The keys of the version 3 model and ``allocator_cache_ratio``.
    """
    metadata = event.get("metadata")
    capabilities = metadata.get("memory_capabilities") if isinstance(metadata, Mapping) else None
    if not isinstance(capabilities, Mapping):
        capabilities = {}
    allocated = event.get("allocator_allocated_bytes")
    reserved = event.get("allocator_reserved_bytes")
    gap = None if allocated is None or reserved is None else max(0, reserved - allocated)
    in_use = allocated
    if capabilities.get("supports_allocator_allocated") is False:
        in_use = event.get("device_used_bytes")
    fragmentation = None
    if (
        capabilities.get("supports_fragmentation_analysis") is not False
        and capabilities.get("supports_allocator_inactive") is not False
    ):
        fragmentation = _ratio(event.get("allocator_inactive_bytes"), reserved)
    return {
        "allocator_gap_bytes": gap,
        "utilization_ratio": _ratio(in_use, event.get("device_total_bytes")),
        "fragmentation_ratio": fragmentation,
        "allocator_cache_ratio": _ratio(gap, reserved),
        "is_degraded_collector": is_degraded_collector(event.get("collector")),
    }


def is_degraded_collector(collector: object) -> bool:
    """Tell whether a collector's name says that it measures less than it should."""
    if not isinstance(collector, str):
        return False
    folded = collector.lower()
    return any(word in folded for word in _DEGRADED_WORDS)


def _ratio(part: int | None, whole: int | None) -> float | None:
    return None if part is None or whole is None or whole <= 0 else part / whole
