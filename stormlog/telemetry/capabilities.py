"""The ``metadata.memory_capabilities`` object that version 4 records carry.

Source: docs/concepts.md#events.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from stormlog.telemetry.checks import is_non_blank_text, require_text
from stormlog.telemetry.errors import TelemetryRecordError
from stormlog.telemetry.schema import CAPABILITY_FLAGS, CAPABILITY_TEXTS, COUNTER_CAPABILITIES

__all__ = ["check_memory_capabilities", "infer_memory_capabilities"]

_NAMES = (*CAPABILITY_TEXTS, *CAPABILITY_FLAGS)
_BACKENDS_IN_COLLECTOR_NAMES = ("cuda", "rocm", "mps", "cpu", "tensorflow", "jax")


def check_memory_capabilities(record: Mapping[str, Any], metadata: Mapping[str, Any]) -> None:
    """Check the capabilities and that no counter contradicts them.

    Args:
        record: A version 4 record that has all its counters (null included).
        metadata: Its metadata.

    Raises:
        TelemetryRecordError: ``capabilities_not_object``, ``capability_missing:``,
            ``capability_unknown:``, ``capability_not_boolean:``, a text code, or
            ``counter_present_but_unsupported:<counter>``.
    """
    capabilities = metadata.get("memory_capabilities")
    if not isinstance(capabilities, dict):
        raise TelemetryRecordError(
            "capabilities_not_object", "a version 4 record needs an object metadata.memory_capabilities"
        )
    missing = [name for name in _NAMES if name not in capabilities]
    if missing:
        names = ", ".join(missing)
        raise TelemetryRecordError(f"capability_missing:{names}", f"memory_capabilities lacks {names}")
    if len(capabilities) != len(_NAMES):
        names = ", ".join(sorted(str(name) for name in capabilities if name not in _NAMES))
        raise TelemetryRecordError(f"capability_unknown:{names}", f"memory_capabilities has unknown {names}")
    for name in CAPABILITY_TEXTS:
        require_text(capabilities[name], f"metadata.memory_capabilities.{name}")
    for name in CAPABILITY_FLAGS:
        if not isinstance(capabilities[name], bool):
            raise TelemetryRecordError(
                f"capability_not_boolean:{name}", f"memory_capabilities.{name} must be true or false"
            )
    for counter, name in COUNTER_CAPABILITIES.items():
        if record[counter] is not None and not capabilities[name]:
            raise TelemetryRecordError(
                f"counter_present_but_unsupported:{counter}",
                f"{counter} has a value although {name} is false",
            )


def infer_memory_capabilities(record: Mapping[str, Any], metadata: Mapping[str, Any]) -> dict[str, Any]:
    """Return the capabilities that the values of a version 4 record suggest.

    Args:
        record: A record whose ``collector`` and counters have been checked.
        metadata: Its metadata; ``backend`` and ``sampling_source`` are used if they are non-blank text.
    """
    collector = record["collector"]
    backend = metadata.get("backend")
    if not is_non_blank_text(backend):
        folded = collector.lower()
        backend = next((name for name in _BACKENDS_IN_COLLECTOR_NAMES if name in folded), "unknown")
    source = metadata.get("sampling_source")
    known = {counter: record[counter] is not None for counter in COUNTER_CAPABILITIES}
    both = known["allocator_allocated_bytes"] and known["allocator_reserved_bytes"]
    return {
        "backend": backend,
        "telemetry_collector": collector,
        "sampling_source": source if is_non_blank_text(source) else "legacy",
        "supports_allocator_allocated": known["allocator_allocated_bytes"],
        "supports_allocator_reserved": known["allocator_reserved_bytes"],
        "supports_allocator_active": known["allocator_active_bytes"],
        "supports_allocator_inactive": known["allocator_inactive_bytes"],
        "supports_device_used": known["device_used_bytes"],
        "supports_device_free": known["device_free_bytes"],
        "supports_device_total": known["device_total_bytes"],
        "supports_native_allocator_history": False,
        "supports_fragmentation_analysis": both,
        "supports_allocator_attribution": both,
        "supports_bounded_profiling": False,
    }
