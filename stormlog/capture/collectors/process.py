"""Memory of this process in the main memory of its host or container.

Source: docs/capture.md#collectors.
"""

from __future__ import annotations

import contextlib
import importlib
import os
import time
from typing import TYPE_CHECKING, Any

from stormlog.capture.collectors.cgroup import find_cgroup
from stormlog.capture.collectors.malloc import find_malloc
from stormlog.capture.collectors.readings import MemoryCapabilities, MemoryReading

if TYPE_CHECKING:
    from stormlog.capture.collectors.cgroup import CgroupMemory

__all__ = ["ProcessCollector", "host_memory", "resident_bytes"]

#: So long, in seconds, what the control group said stands: reading it takes several times as long as all the rest.
_CGROUP_SECONDS = 0.5
_PAGE_BYTES = os.sysconf("SC_PAGE_SIZE") if hasattr(os, "sysconf") else 4096


class ProcessCollector:
    """Reads what this process has allocated and holds, and how much room is left for it.

    ``allocated`` and ``reserved`` are those of the C library's allocator, where it tells them. ``used`` is the resident
    memory of the process, ``total`` the smaller one of the host's memory and the limit of its control group, and
    ``free`` what is left of it for anybody.

    Raises:
        OSError: neither ``/proc`` nor psutil tells the resident memory.
    """

    name = "stormlog.process_tracker"
    backend = "cpu"

    def __init__(self) -> None:
        self._malloc = find_malloc()
        self._cgroup = find_cgroup()
        self._cgroup_memory: CgroupMemory | None = None
        self._cgroup_read = 0.0
        resident_bytes()
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
        allocated, reserved = self._malloc.read() if self._malloc is not None else (None, None)
        used = resident_bytes()
        cgroup = self._read_cgroup()
        total, free = host_memory(cgroup)
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
        """Nothing is held."""

    def _read_cgroup(self) -> CgroupMemory | None:
        now = time.monotonic()
        if self._cgroup is not None and (
            self._cgroup_memory is None or now - self._cgroup_read >= _CGROUP_SECONDS
        ):
            self._cgroup_memory = self._cgroup.read()
            self._cgroup_read = now
        return self._cgroup_memory


def resident_bytes(pid: int | str = "self") -> int:
    """Return the resident memory of a process, in bytes.

    Raises:
        OSError: neither ``/proc`` nor psutil tells it; the process may be gone.
    """
    try:
        with open(f"/proc/{pid}/statm", "rb") as file:
            return int(file.read().split()[1]) * _PAGE_BYTES
    except FileNotFoundError:
        if os.path.isdir("/proc/self"):
            raise
    with _psutil_errors_as_os_errors():
        return int(_psutil().Process(None if pid == "self" else int(pid)).memory_info().rss)


def host_memory(cgroup: CgroupMemory | None) -> tuple[int | None, int | None]:
    """Return how much memory there is and how much of it is free, in bytes; null where it is not known.

    Args:
        cgroup: What the control group says, whose limit counts if it is smaller than the host.
    """
    total, free = _memory_of_host()
    if cgroup is not None and cgroup.limit is not None and (total is None or cgroup.limit < total):
        total = cgroup.limit
        room = None if cgroup.used is None else max(0, cgroup.limit - cgroup.used)
        free = room if free is None or (room is not None and room < free) else free
    if total is not None and free is not None:
        free = min(free, total)
    return total, free


def _memory_of_host() -> tuple[int | None, int | None]:
    found: dict[bytes, int] = {}
    try:
        with open("/proc/meminfo", "rb") as file:
            for line in file:
                name, _, value = line.partition(b":")
                if name in (b"MemTotal", b"MemAvailable"):
                    found[name] = int(value.split()[0]) * 1024
                if len(found) == 2:
                    break
    except (OSError, ValueError, IndexError):
        with contextlib.suppress(OSError), _psutil_errors_as_os_errors():
            memory = _psutil().virtual_memory()
            return int(memory.total), int(memory.available)
    return found.get(b"MemTotal"), found.get(b"MemAvailable")


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


def _psutil() -> Any:
    # Late: where the system has /proc, nobody needs it.
    return importlib.import_module("psutil")


@contextlib.contextmanager
def _psutil_errors_as_os_errors() -> Any:
    try:
        yield
    except OSError:
        raise
    except Exception as error:  # psutil is not there, or says that the process is gone.
        raise OSError(str(error)) from error
