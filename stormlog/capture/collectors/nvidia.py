"""Memory of an NVIDIA device as its driver sees it, whatever the job computes with.

Source: docs/capture.md#collectors.
"""

from __future__ import annotations

import importlib
import os
from typing import Any

from stormlog.capture.collectors.readings import MemoryCapabilities, MemoryReading

__all__ = ["NvidiaCollector"]


class NvidiaCollector:
    """A device, read through NVML.

    What the allocator of the job holds is not known to the driver, so that is null. Memory of this process is among the
    details where the driver tells it; in containers it often does not.

    Args:
        device: Index of the device among those that ``CUDA_VISIBLE_DEVICES`` leaves to the job.

    Raises:
        ImportError: nvidia-ml-py is not installed.
        Exception: there is no driver, or no such device.
    """

    name = "stormlog.nvidia_tracker"
    backend = "cuda"
    sampling_source = "nvml"
    capabilities = MemoryCapabilities(
        allocated=False, reserved=False, active=False, inactive=False, used=True, free=True, total=True
    )

    def __init__(self, device: int) -> None:
        self._nvml = importlib.import_module("pynvml")
        self._nvml.nvmlInit()
        try:
            self._handle = _handle_of(self._nvml, device, os.environ.get("CUDA_VISIBLE_DEVICES"))
        except BaseException:
            self._nvml.nvmlShutdown()
            raise
        self._device = device

    def read(self) -> MemoryReading:
        """Return the memory of the device now.

        Raises:
            Exception: what NVML raises, for example for a device that is lost.
        """
        memory = self._nvml.nvmlDeviceGetMemoryInfo(self._handle)
        own = self._bytes_of_this_process()
        return MemoryReading(
            self._device,
            used=int(memory.used),
            free=int(memory.free),
            total=int(memory.total),
            details={} if own is None else {"process_device_bytes": own},
        )

    def close(self) -> None:
        """Let the driver go."""
        self._nvml.nvmlShutdown()

    def _bytes_of_this_process(self) -> int | None:
        try:
            processes = self._nvml.nvmlDeviceGetComputeRunningProcesses(self._handle)
        except self._nvml.NVMLError:
            return None
        pid = os.getpid()
        found = [process.usedGpuMemory for process in processes if process.pid == pid]
        return int(found[0]) if found and found[0] is not None else None


def _handle_of(nvml: Any, device: int, visible: str | None) -> Any:
    """Return the handle of a device as the job counts them: only those that are visible, in that order."""
    if visible is None:
        return nvml.nvmlDeviceGetHandleByIndex(device)
    names = [name.strip() for name in visible.split(",") if name.strip()]
    if device >= len(names):
        raise ValueError(f"there is no device {device} among CUDA_VISIBLE_DEVICES={visible}")
    name = names[device]
    if name.isdecimal():
        return nvml.nvmlDeviceGetHandleByIndex(int(name))
    return nvml.nvmlDeviceGetHandleByUUID(name.encode())
