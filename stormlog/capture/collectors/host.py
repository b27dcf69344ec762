"""How much memory there is for a process, and how much of it is left: on its host, in its container, under its limits.

Source: docs/capture.md#collectors.
"""

from __future__ import annotations

import contextlib
import importlib
import os
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from stormlog._values import frozen_class

if TYPE_CHECKING:
    from stormlog.capture.collectors.cgroup import CgroupMemory

__all__ = [
    "ProcessSizes",
    "SizesOfThisProcess",
    "limits_of_this_process",
    "memory_of_host",
    "room_for_process",
    "sizes_of_process",
]

#: More than seven numbers of 64 bits take.
_STATM_BYTES = 256
_PAGE_BYTES = os.sysconf("SC_PAGE_SIZE") if hasattr(os, "sysconf") else 4096


@frozen_class
class ProcessSizes:
    """Sizes of a process in bytes: resident memory, address space, and data (null where the system does not tell)."""

    resident: int
    address_space: int
    data: int | None


def sizes_of_process(pid: int | str = "self") -> ProcessSizes:
    """Return the sizes of a process.

    Args:
        pid: The process.

    Raises:
        OSError: neither ``/proc`` nor psutil tells them; the process may be gone.
    """
    try:
        with open(f"/proc/{pid}/statm", "rb", buffering=0) as file:
            return _sizes_in(file.read(_STATM_BYTES))
    except (FileNotFoundError, IndexError):
        if os.path.isdir("/proc/self"):
            raise ProcessLookupError(f"process {pid} is gone") from None
    with _psutil_errors_as_os_errors():
        memory = _psutil().Process(None if pid == "self" else int(pid)).memory_info()
        return ProcessSizes(int(memory.rss), int(memory.vms), None)


class _OpenFile:
    """A file that is closed once nobody reads it: not while another thread does, who would read some other file."""

    def __init__(self, path: str) -> None:
        self.descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_CLOEXEC", 0))

    def __del__(self, close: Callable[[int], None] = os.close) -> None:
        # Without one where it could not be opened. The function is bound early: at the end of the interpreter the
        # module may be gone.
        if hasattr(self, "descriptor"):
            close(self.descriptor)


class SizesOfThisProcess:
    """The sizes of this process, from a file that stays open: opening it takes longer than all the rest."""

    def __init__(self) -> None:
        self._file: _OpenFile | None = None
        self._pid: int | None = None

    def __call__(self) -> ProcessSizes:
        """Return the sizes.

        Raises:
            OSError: neither ``/proc`` nor psutil tells them.
        """
        if self._pid != os.getpid():
            # In a forked child the open file would tell the sizes of the parent.
            self._file = None
            with contextlib.suppress(OSError):
                self._file = _OpenFile("/proc/self/statm")
            self._pid = os.getpid()
        file = self._file
        if file is None:
            return sizes_of_process()
        return _sizes_in(os.pread(file.descriptor, _STATM_BYTES, 0))

    def close(self) -> None:
        """Close the file. Asking goes on, and opens one each time."""
        self._file = None


def _sizes_in(statm: bytes) -> ProcessSizes:
    pages = statm.split()
    return ProcessSizes(int(pages[1]) * _PAGE_BYTES, int(pages[0]) * _PAGE_BYTES, int(pages[5]) * _PAGE_BYTES)


def room_for_process(
    host: tuple[int | None, int | None],
    sizes: ProcessSizes,
    limits: tuple[int | None, int | None],
    cgroup: CgroupMemory | None,
) -> tuple[int | None, int | None]:
    """Return how much memory there is, and how much of it is left for a process, in bytes; null where not known.

    It is the memory of the host, or of the narrowest limit: of the control group, the address space or the data.

    Args:
        host: As of `memory_of_host`.
        sizes: Sizes of the process.
        limits: Of its address space and of its data; null without one. See `limits_of_this_process`.
        cgroup: What its control group says.
    """
    total, free = host
    narrower: list[tuple[int | None, int | None]] = []
    if cgroup is not None and cgroup.limit is not None:
        narrower.append((cgroup.limit, None if cgroup.used is None else cgroup.limit - cgroup.used))
    for limit, size in zip(limits, (sizes.address_space, sizes.data), strict=True):
        if limit is not None and size is not None:
            # Of the address space, much is never resident; what counts is how much more can be had.
            narrower.append((limit, limit - size))
    for limit, room in narrower:
        total = limit if total is None else min(total, limit or total)
        if room is not None:
            free = max(0, room if free is None else min(free, room))
    return total, free if total is None or free is None else min(free, total)


def limits_of_this_process() -> tuple[int | None, int | None]:
    """Return the limits of address space and data that ``ulimit`` sets, in bytes; null without one."""
    try:
        import resource
    except ImportError:
        return None, None
    found = [resource.getrlimit(kind)[0] for kind in (resource.RLIMIT_AS, resource.RLIMIT_DATA)]
    address_space, data = (
        None if limit == resource.RLIM_INFINITY or limit <= 0 else limit for limit in found
    )
    return address_space, data


def memory_of_host() -> tuple[int | None, int | None]:
    """Return how much memory the host has, and how much of it is free, in bytes; null where not known."""
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


def _psutil() -> Any:
    # Late: where the system has /proc, nobody needs it.
    return importlib.import_module("psutil")


@contextlib.contextmanager
def _psutil_errors_as_os_errors() -> Iterator[None]:
    try:
        yield
    except OSError:
        raise
    except Exception as error:  # psutil is not there, or says that the process is gone.
        raise OSError(str(error)) from error
