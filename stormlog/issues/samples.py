"""Picks the samples whose counters can be compared, and reads what the gap analysis needs of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple


class GapSample(NamedTuple):
    """One usable sample.

    Attributes:
        timestamp_ns: Nanoseconds since the Unix epoch.
        gap: ``device_used - allocator_reserved`` in bytes; may be negative.
        total: Size of the device in bytes, > 0.
        fragmentation: Unused and reserved bytes, reserved > 0; ``None`` where unknown.
    """

    timestamp_ns: int
    gap: int
    total: int
    fragmentation: tuple[int, int] | None

    @property
    def gap_ratio(self) -> float:
        """Size of the gap as a share of the device."""
        return abs(self.gap) / self.total

    @property
    def fragmentation_ratio(self) -> float | None:
        """Unused share of the reserved memory."""
        return None if self.fragmentation is None else self.fragmentation[0] / self.fragmentation[1]

    def scaled_fragmentation(self, scale: int) -> int:
        """Return the ratio as a whole multiple of ``1 / scale``, rounded down; 0 where unknown."""
        return 0 if self.fragmentation is None else self.fragmentation[0] * scale // self.fragmentation[1]


def gap_samples(events: Iterable[Any]) -> list[GapSample]:
    """Return the usable samples among a session's events (objects or mappings), in their order.

    Usable means: of type ``sample``, used and reserved bytes known, total known and positive.
    """
    samples = []
    for event in events:
        event_type = _field(event, "event_type")
        if not isinstance(event_type, str) or event_type.strip().lower() != "sample":
            continue
        used = _field(event, "device_used_bytes")
        reserved = _field(event, "allocator_reserved_bytes")
        total = _field(event, "device_total_bytes")
        if used is None or reserved is None or total is None or total <= 0:
            continue
        samples.append(
            GapSample(
                timestamp_ns=_field(event, "timestamp_ns"),
                gap=used - reserved,
                total=total,
                fragmentation=fragmentation_parts(event),
            )
        )
    return samples


def fragmentation_parts(event: Any) -> tuple[int, int] | None:
    """Return unused and reserved bytes of the allocator, or ``None`` where they are unknown.

    Records of schema version 4 count inactive blocks, unless their ``memory_capabilities`` say that they
    cannot; older ones, which may lack that counter, count what is reserved and not allocated.
    """
    reserved = _field(event, "allocator_reserved_bytes")
    if reserved is None or reserved <= 0:
        return None
    if _field(event, "schema_version") == 4:
        inactive = _field(event, "allocator_inactive_bytes")
        metadata = _field(event, "metadata")
        capabilities = metadata.get("memory_capabilities") if isinstance(metadata, Mapping) else None
        flags: Mapping[str, Any] = capabilities if isinstance(capabilities, Mapping) else {}
        is_refused = False in (
            flags.get("supports_allocator_inactive"),
            flags.get("supports_fragmentation_analysis"),
        )
        return None if inactive is None or is_refused else (inactive, reserved)
    allocated = _field(event, "allocator_allocated_bytes")
    if allocated is None:
        return None
    return max(0, reserved - allocated), reserved


def _field(event: Any, name: str) -> Any:
    return event.get(name) if isinstance(event, Mapping) else getattr(event, name, None)
