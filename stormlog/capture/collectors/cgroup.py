"""Memory of the control group that a process runs in: what a container may use, uses, and was killed for.

Versions 1 and 2 of the interface are read. Where there is no control group, or it has no limit, everything is null.

Source: docs/capture.md#collectors.
"""

from __future__ import annotations

import os

from stormlog._values import frozen_class

__all__ = ["Cgroup", "CgroupMemory", "find_cgroup"]

#: Version 1 writes the largest multiple of a page instead of no limit.
_NO_LIMIT = 1 << 60


@frozen_class
class CgroupMemory:
    """Memory of a control group in bytes; null where it is not told.

    Attributes:
        limit: What it may use, by its own limit or that of a group around it; null without a limit.
        used: What it uses, less the part of the page cache that is given up first.
        peak: Most that it ever used, with the page cache; null where the kernel does not say.
        oom_kills: How often the kernel killed one of its processes to get memory.
    """

    limit: int | None
    used: int | None
    peak: int | None
    oom_kills: int | None


class Cgroup:
    """A control group that is read again and again.

    Args:
        path: Its directory.
        version: 1 or 2.
        root: The directory of the outermost group.
    """

    def __init__(self, path: str, version: int, root: str) -> None:
        self.path = path
        self.version = version
        self._root = root

    def read(self) -> CgroupMemory:
        """Return what the group says now."""
        if self.version == 2:
            used = _number(self.path, "memory.current")
            inactive = _named_number(self.path, "memory.stat", "inactive_file")
            return CgroupMemory(
                limit=self._limit("memory.max"),
                used=_difference(used, inactive),
                peak=_number(self.path, "memory.peak"),
                oom_kills=_named_number(self.path, "memory.events", "oom_kill"),
            )
        used = _number(self.path, "memory.usage_in_bytes")
        inactive = _named_number(self.path, "memory.stat", "total_inactive_file")
        return CgroupMemory(
            limit=self._limit("memory.limit_in_bytes"),
            used=_difference(used, inactive),
            peak=_number(self.path, "memory.max_usage_in_bytes"),
            oom_kills=_named_number(self.path, "memory.oom_control", "oom_kill"),
        )

    def all_oom_kills(self) -> int | None:
        """Return how often the kernel killed a process of the group or of one inside it; null where it does not say."""
        own = self.read().oom_kills
        if own is None or self.version == 2 or self.path == self._root:
            # Version 2 counts those inside too. The outermost group of version 1 holds those of all other programs.
            return own
        inside = (folder for folder, _, _ in os.walk(self.path) if folder != self.path)
        return own + sum(_named_number(folder, "memory.oom_control", "oom_kill") or 0 for folder in inside)

    def times_at_limit(self) -> int:
        """Return how often the group, or one around it, had no more room within its limit."""
        if self.version == 2:
            return sum(_named_number(path, "memory.events", "oom") or 0 for path in self._with_outer())
        return sum(_number(path, "memory.failcnt") or 0 for path in self._with_outer())

    def processes(self) -> set[int]:
        """Return the processes of the group; 0 stands for one that cannot be named from here."""
        lines = _lines(os.path.join(self.path, "cgroup.procs"))
        return {int(line) for line in lines if line.isdecimal()}

    def _limit(self, name: str) -> int | None:
        limits = [_number(path, name) for path in self._with_outer()]
        return min((limit for limit in limits if limit is not None and limit < _NO_LIMIT), default=None)

    def _with_outer(self) -> list[str]:
        """Return the directory of the group and those of the groups around it."""
        paths = [self.path]
        while paths[-1] != self._root and len(parent := os.path.dirname(paths[-1])) >= len(self._root):
            paths.append(parent)
        return paths


def find_cgroup(pid: int | str = "self", proc: str = "/proc") -> Cgroup | None:
    """Return the control group that counts the memory of a process.

    Args:
        pid: The process.
        proc: Where the kernel shows processes.

    Returns:
        Null where there is none, or none that can be read.
    """
    mounts = _mounts(f"{proc}/{pid}/mountinfo")
    for line in _lines(f"{proc}/{pid}/cgroup"):
        _, _, rest = line.partition(":")
        controllers, _, group = rest.partition(":")
        version = 1 if "memory" in controllers.split(",") else 2 if controllers == "" else 0
        if version not in mounts:
            continue
        mounted_group, root = mounts[version]
        # In a container the group is told as the host sees it, and what is mounted is that group already.
        below = os.path.relpath(group, mounted_group) if group.startswith(mounted_group) else "."
        path = os.path.normpath(os.path.join(root, below))
        probe = "memory.current" if version == 2 else "memory.usage_in_bytes"
        for candidate in (path, root):
            if os.path.exists(os.path.join(candidate, probe)):
                return Cgroup(candidate, version, root)
    return None


def _mounts(path: str) -> dict[int, tuple[str, str]]:
    """Return by version which group is mounted where."""
    found: dict[int, tuple[str, str]] = {}
    for line in _lines(path):
        before, separator, after = line.partition(" - ")
        fields, kinds = before.split(), after.split()
        if not separator or len(fields) < 5 or len(kinds) < 3:
            continue
        if kinds[0] == "cgroup2":
            found.setdefault(2, (fields[3], fields[4]))
        elif kinds[0] == "cgroup" and "memory" in kinds[2].split(","):
            found.setdefault(1, (fields[3], fields[4]))
    return found


def _lines(path: str) -> list[str]:
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.read().splitlines()
    except OSError:
        return []


def _number(folder: str, name: str) -> int | None:
    lines = _lines(os.path.join(folder, name))
    return int(lines[0]) if lines and lines[0].isdecimal() else None


def _named_number(folder: str, name: str, key: str) -> int | None:
    for line in _lines(os.path.join(folder, name)):
        found, _, value = line.partition(" ")
        if found == key and value.isdecimal():
            return int(value)
    return None


def _difference(used: int | None, inactive: int | None) -> int | None:
    return None if used is None else max(0, used - (inactive or 0))
