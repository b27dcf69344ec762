"""Watches, while a command runs, whether the kernel kills processes of its control group to get memory.

Promise: what is counted is what the kernel counts; whether it must have been the command is said, not assumed.

Source: docs/run.md#cause-of-death.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterable

from stormlog._values import frozen_class
from stormlog.capture.collectors.cgroup import Cgroup, find_cgroup
from stormlog.capture.collectors.sparing import Sparing

__all__ = ["GroupKills", "KillWatch"]


@frozen_class
class GroupKills:
    """What the control groups of a command counted while it ran.

    Attributes:
        count: Processes that the kernel killed to get memory.
        is_shared: Whether processes that are not the command's were in its group too: one of them may have been killed.
        is_limit_hit: Whether a limit of the group, or of one around it, was hit.
        limit_bytes: The narrowest limit; null without one.
        peak_bytes: Most that the group ever used; null where the kernel does not say.
    """

    count: int
    is_shared: bool
    is_limit_hit: bool
    limit_bytes: int | None
    peak_bytes: int | None


class KillWatch:
    """Counts the kills in the control group of a process, and in those that it is moved to.

    Args:
        pid: The process, which has just been started.
        now_ns: The clock of the session.
    """

    def __init__(self, pid: int, now_ns: Callable[[], int]) -> None:
        self._pid = pid
        self._now_ns = now_ns
        self._count = 0
        self._looked_ns = now_ns()
        #: Between which times the last kill was; null if there was none.
        self.last_kill_ns: tuple[int, int] | None = None
        self._seen = {pid}
        self._own_line = _line_of(os.getpid())
        self._groups: dict[str, _Group] = {}
        self._is_shared = False
        self._look = Sparing(self._look_now)
        self.cgroup: Cgroup | None = None
        self._look()

    def look(self, descendants: Iterable[int]) -> None:
        """Look where the process is now, and who else is there.

        Args:
            descendants: What it started, and what these started.
        """
        # Those whose parent ends cannot be told by their parents any more.
        self._seen.update(descendants)
        self._look()

    def result(self) -> GroupKills | None:
        """Return what was counted until now; null where the kernel counts nothing."""
        counts = [count for group in self._groups.values() if (count := group.new_kills()) is not None]
        if self.cgroup is None or not counts:
            return None
        if sum(counts) > self._count:
            self.last_kill_ns = (self._looked_ns, self._now_ns())
        memory = self.cgroup.read()
        return GroupKills(
            count=sum(counts),
            is_shared=self._is_shared,
            is_limit_hit=any(group.was_at_limit() for group in self._groups.values()),
            limit_bytes=memory.limit,
            peak_bytes=memory.peak,
        )

    def _look_now(self) -> bool:
        found = find_cgroup(self._pid)
        if found is None:
            return False
        now_ns = self._now_ns()
        # Groups can be removed before the command is known to have ended.
        count = sum(group.new_kills() or 0 for group in self._groups.values())
        if count > self._count:
            self._count, self.last_kill_ns = count, (self._looked_ns, now_ns)
        self._looked_ns = now_ns
        self.cgroup = self._groups.setdefault(found.path, _Group(found)).cgroup
        self._is_shared = self._is_shared or any(map(self._is_other, self.cgroup.processes()))
        return True

    def _is_other(self, pid: int) -> bool:
        if pid in self._seen or pid in self._own_line:
            return False
        line = _line_of(pid)
        # Without parents it has ended by now, or cannot be seen from here.
        return pid == 0 or (len(line) > 1 and self._pid not in line)


class _Group:
    def __init__(self, cgroup: Cgroup) -> None:
        self.cgroup = cgroup
        self._kills_before = cgroup.all_oom_kills()
        self._at_limit_before = cgroup.times_at_limit()
        self._new_kills: int | None = None

    def new_kills(self) -> int | None:
        """Return the kills since this began; the last count if the group is gone; null where none are counted."""
        count = self.cgroup.all_oom_kills()
        if count is not None and self._kills_before is not None:
            # Groups inside that are removed take their counts with them.
            self._new_kills = max(self._new_kills or 0, count - self._kills_before)
        return self._new_kills

    def was_at_limit(self) -> bool:
        return self.cgroup.times_at_limit() > self._at_limit_before


def _line_of(pid: int) -> set[int]:
    """Return a process and those that it descends from."""
    line = {pid}
    with contextlib.suppress(OSError, ValueError, IndexError):
        while pid > 1:
            with open(f"/proc/{pid}/stat", "rb") as file:
                # The name, in brackets, may hold anything.
                pid = int(file.read().rpartition(b")")[2].split()[1])
            line.add(pid)
    return line
