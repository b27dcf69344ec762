"""Memory of a device as JAX's allocator sees it.

Source: docs/capture.md#collectors.
"""

from __future__ import annotations

from typing import Any

from stormlog.capture.collectors.readings import MemoryCapabilities, MemoryReading

__all__ = ["JaxCollector"]


class JaxCollector:
    """A device of JAX. Its allocator tells what is allocated, and on most devices what it has taken for that.

    Args:
        device: The device; see ``jax.local_devices()``.

    Raises:
        ValueError: the device tells nothing of its memory, as that of the host does.
    """

    name = "stormlog.jax_tracker"
    backend = "jax"
    sampling_source = "jax.Device.memory_stats"

    def __init__(self, device: Any) -> None:
        stats = device.memory_stats()
        if not stats or "bytes_in_use" not in stats:
            raise ValueError(f"{device} tells nothing of its memory")
        self._jax_device = device
        self.capabilities = MemoryCapabilities(
            allocated=True,
            reserved="pool_bytes" in stats,
            active=False,
            inactive=False,
            used=False,
            free=False,
            total=False,
            fragmentation="pool_bytes" in stats,
            attribution=True,
        )

    def read(self) -> MemoryReading:
        """Return the memory of the device now.

        Raises:
            Exception: what JAX raises.
        """
        stats = self._jax_device.memory_stats()
        details = {
            name: int(stats[key])
            for name, key in (
                ("allocator_peak_bytes", "peak_bytes_in_use"),
                ("allocator_limit_bytes", "bytes_limit"),
            )
            if key in stats
        }
        return MemoryReading(
            int(self._jax_device.id),
            allocated=int(stats["bytes_in_use"]),
            reserved=int(stats["pool_bytes"]) if self.capabilities.reserved else None,
            details=details,
        )

    def close(self) -> None:
        """Nothing is held."""
