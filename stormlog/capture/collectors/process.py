"""Memory of this process in the main memory of its host or container.

Source: docs/capture.md#collectors.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from stormlog.capture.collectors.cgroup import find_cgroup
from stormlog.capture.collectors.host import (
    SizesOfThisProcess,
    limits_of_this_process,
    memory_of_host,
    room_for_process,
)
from stormlog.capture.collectors.malloc import find_malloc
from stormlog.capture.collectors.readings import MemoryCapabilities, MemoryReading
from stormlog.capture.collectors.sparing import Sparing

if TYPE_CHECKING:
    from stormlog.capture.collectors.cgroup import CgroupMemory

__all__ = ["ProcessCollector"]


class ProcessCollector:
    """Reads what this process has allocated and holds, and how much room is left for it.

    ``allocated`` and ``reserved`` are those of the C library's allocator, where it tells them. ``used`` is the resident
    memory of the process, ``total`` the memory of the host or its narrowest limit, and ``free`` what is left of it.
    What takes long to ask is asked less often: see `Sparing`.
    """

    name = "stormlog.process_tracker"
    backend = "cpu"

    def __init__(self) -> None:
        malloc, cgroup = find_malloc(), find_cgroup()
        self._malloc = None if malloc is None else Sparing(malloc.read)
        self._cgroup = None if cgroup is None else Sparing(cgroup.read)
        self._host = Sparing(memory_of_host)
        self._sizes = SizesOfThisProcess()
        self._limits = limits_of_this_process()
        knows_allocator = self._malloc is not None
        self.sampling_source = "glibc.mallinfo2+rss" if knows_allocator else "rss"
        self.capabilities = MemoryCapabilities(
            allocated=knows_allocator,
            reserved=knows_allocator,
            active=False,
            inactive=False,
            used=True,
            free=True,
            total=True,
            fragmentation=knows_allocator,
            attribution=knows_allocator,
        )

    def read(self) -> MemoryReading:
        """Return the memory of this process now.

        Raises:
            OSError: it cannot be read.
        """
        allocated, reserved = self._malloc() if self._malloc is not None else (None, None)
        sizes = self._sizes()
        used = sizes.resident
        cgroup = self._cgroup() if self._cgroup is not None else None
        total, free = room_for_process(self._host(), sizes, self._limits, cgroup)
        missing = []
        if total is None or used > total:
            missing.append("device_total_bytes")
            total = None
        if free is None:
            missing.append("device_free_bytes")
        return MemoryReading(
            device_id=-1,
            allocated=allocated,
            reserved=reserved,
            used=used,
            free=free,
            total=total,
            missing=tuple(missing),
            details=_details(cgroup),
        )

    def close(self) -> None:
        """Close the file that sizes are read from."""
        self._sizes.close()


def _details(cgroup: CgroupMemory | None) -> dict[str, Any]:
    if cgroup is None:
        return {}
    values = {
        "cgroup_limit_bytes": cgroup.limit,
        "cgroup_used_bytes": cgroup.used,
        "cgroup_peak_bytes": cgroup.peak,
        "cgroup_oom_kills": cgroup.oom_kills,
    }
    return {name: value for name, value in values.items() if value is not None}
