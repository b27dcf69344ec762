"""Memory of a process and of all that it started, seen from outside.

Source: docs/run.md#what-is-measured.
"""

from __future__ import annotations

import os
from collections.abc import Callable

from stormlog.capture.collectors.host import memory_of_host, room_for_process, sizes_of_process
from stormlog.capture.collectors.readings import MemoryCapabilities, MemoryReading
from stormlog.capture.running.kills import KillWatch

__all__ = ["ProcessTreeCollector"]


class ProcessTreeCollector:
    """Reads the resident memory of a process and its descendants.

    Pages that several of them share are counted for each. What their allocators hold cannot be seen from outside.

    Args:
        pid: The process.
        now_ns: The clock of the session.
    """

    name = "stormlog.run"
    backend = "cpu"
    sampling_source = "rss of the process tree"
    capabilities = MemoryCapabilities(
        allocated=False, reserved=False, active=False, inactive=False, used=True, free=True, total=True
    )

    def __init__(self, pid: int, now_ns: Callable[[], int]) -> None:
        self._pid = pid
        self.kills = KillWatch(pid, now_ns)

    def read(self) -> MemoryReading:
        """Return the memory of the tree now.

        Raises:
            OSError: the process is gone.
        """
        sizes = sizes_of_process(self._pid)
        used, largest, count = sizes.resident, sizes.resident, 1
        descendants = _descendants(self._pid)
        for pid in descendants:
            try:
                resident = sizes_of_process(pid).resident
            except (OSError, ValueError):
                continue
            used += resident
            largest = max(largest, resident)
            count += 1
        if sizes.resident == 0 and count == 1:
            # Dead, and not waited for yet.
            raise ProcessLookupError(f"process {self._pid} has ended")
        self.kills.look(descendants)
        cgroup = self.kills.cgroup.read() if self.kills.cgroup is not None else None
        total, free = room_for_process(memory_of_host(), sizes, (None, None), cgroup)
        details = {
            "process_count": count,
            "largest_process_bytes": largest,
            "cgroup_limit_bytes": None if cgroup is None else cgroup.limit,
            "cgroup_used_bytes": None if cgroup is None else cgroup.used,
            "cgroup_peak_bytes": None if cgroup is None else cgroup.peak,
        }
        return MemoryReading(
            device_id=-1,
            used=used,
            free=free,
            total=total if total is None or used <= total else None,
            details={name: value for name, value in details.items() if value is not None},
        )

    def close(self) -> None:
        """Nothing is held."""


def _descendants(pid: int) -> list[int]:
    """Return the processes that a process started, and those that these started."""
    found: list[int] = []
    waiting = [pid]
    while waiting:
        parent = waiting.pop()
        children = _children(parent)
        found += children
        waiting += children
    return found


def _children(pid: int) -> list[int]:
    try:
        threads = os.listdir(f"/proc/{pid}/task")
    except OSError:
        return []
    found = []
    for thread in threads:
        try:
            with open(f"/proc/{pid}/task/{thread}/children", "rb") as file:
                found += [int(child) for child in file.read().split()]
        except OSError:
            continue
    return found
