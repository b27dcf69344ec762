"""Memory of a device as PyTorch's allocator sees it, without making PyTorch use a device that the job does not use.

Source: docs/capture.md#collectors.
"""

from __future__ import annotations

from typing import Any

from stormlog.capture.collectors.readings import MemoryCapabilities, MemoryReading

__all__ = ["TorchCudaCollector", "TorchMpsCollector"]


class TorchCudaCollector:
    """A device of CUDA or ROCm.

    Before the job has used the device, its allocator holds nothing, and what others use of it is not known: asking
    would start the device.

    Args:
        torch: The module, as the job has imported it.
        device: Index of the device among those that the job sees.
    """

    def __init__(self, torch: Any, device: int) -> None:
        is_rocm = getattr(torch.version, "hip", None) is not None
        self.backend = "rocm" if is_rocm else "cuda"
        self.name = f"stormlog.{self.backend}_tracker"
        self.sampling_source = "torch.cuda.memory_stats+mem_get_info"
        self.capabilities = MemoryCapabilities(
            allocated=True,
            reserved=True,
            active=True,
            inactive=True,
            used=True,
            free=True,
            total=True,
            native_history=not is_rocm,
            fragmentation=True,
            attribution=True,
        )
        self._torch = torch
        self._device = device

    def read(self) -> MemoryReading:
        """Return the memory of the device now.

        Raises:
            Exception: what PyTorch raises, for example after a device-side assertion.
        """
        cuda = self._torch.cuda
        if not cuda.is_initialized():
            return MemoryReading(self._device, allocated=0, reserved=0, active=0, inactive=0)
        stats = cuda.memory_stats_as_nested_dict(device=self._device)
        allocated = stats["allocated_bytes"]["all"]
        free, total = cuda.mem_get_info(self._device)
        return MemoryReading(
            self._device,
            allocated=int(allocated["current"]),
            reserved=int(stats["reserved_bytes"]["all"]["current"]),
            active=int(stats["active_bytes"]["all"]["current"]),
            inactive=int(stats["inactive_split_bytes"]["all"]["current"]),
            used=int(total) - int(free),
            free=int(free),
            total=int(total),
            # What samples between them missed, since the start or the last reset of the peak.
            details={"allocator_peak_bytes": int(allocated["peak"])},
        )

    def close(self) -> None:
        """Nothing is held."""


class TorchMpsCollector:
    """The GPU of an Apple chip, whose memory is that of the host.

    Args:
        torch: The module, as the job has imported it.
    """

    name = "stormlog.mps_tracker"
    backend = "mps"
    sampling_source = "torch.mps"

    def __init__(self, torch: Any) -> None:
        self._mps = torch.mps
        self._tells_total = hasattr(torch.mps, "recommended_max_memory")
        self.capabilities = MemoryCapabilities(
            allocated=True,
            reserved=True,
            active=False,
            inactive=False,
            used=False,
            free=False,
            total=self._tells_total,
            fragmentation=True,
            attribution=True,
        )

    def read(self) -> MemoryReading:
        """Return the memory of the device now.

        Raises:
            Exception: what PyTorch raises.
        """
        return MemoryReading(
            device_id=0,
            allocated=int(self._mps.current_allocated_memory()),
            reserved=int(self._mps.driver_allocated_memory()),
            total=int(self._mps.recommended_max_memory()) if self._tells_total else None,
        )

    def close(self) -> None:
        """Nothing is held."""
