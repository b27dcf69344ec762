"""Kills that a control group counts: those of the command, of groups inside and of groups that it is moved to."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from stormlog.capture.collectors.cgroup import Cgroup
from stormlog.capture.collectors.readings import MemoryReading
from stormlog.capture.running import kills as kills_module
from stormlog.capture.running.kills import GroupKills, KillWatch
from stormlog.capture.running.run import _Source

#: Times, and bytes that were used then.
USED = ((10, 3), (20, 9), (30, 4), (40, 1))


class _Group:
    """The files of a control group, as the kernel of a version writes them."""

    def __init__(self, folder: Path, version: int, *, limit: int | None = None) -> None:
        self.folder = folder
        self.version = version
        folder.mkdir()
        self.write("cgroup.procs", "")
        self.write("memory.current" if version == 2 else "memory.usage_in_bytes", "50")
        self.write("memory.peak" if version == 2 else "memory.max_usage_in_bytes", "60")
        if limit is not None:
            self.write("memory.max" if version == 2 else "memory.limit_in_bytes", str(limit))
        self.count(kills=3, at_limit=5)

    def write(self, name: str, text: str) -> None:
        (self.folder / name).write_text(f"{text}\n")

    def count(self, *, kills: int, at_limit: int) -> None:
        if self.version == 2:
            self.write(
                "memory.events", f"low 0\nhigh 0\nmax 99\noom {at_limit}\noom_kill {kills}\noom_group_kill 0"
            )
        else:
            self.write("memory.oom_control", f"oom_kill_disable 0\nunder_oom 0\noom_kill {kills}")
            self.write("memory.failcnt", str(at_limit))

    def __call__(self, root: Path) -> Cgroup:
        return Cgroup(str(self.folder), self.version, str(root))


@pytest.fixture
def command() -> Iterator[subprocess.Popen[bytes]]:
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as process:
        yield process


def watch(monkeypatch: pytest.MonkeyPatch, pid: int, *groups: Cgroup | None) -> KillWatch:
    """Return a watch that finds one group after the other."""
    found = iter(groups)
    last = groups[-1]
    monkeypatch.setattr(kills_module, "find_cgroup", lambda pid: next(found, last))
    monkeypatch.setattr(kills_module, "Sparing", lambda ask: ask)
    moments = iter(range(1, 100))
    return KillWatch(pid, lambda: next(moments))


@pytest.mark.parametrize("version", [1, 2])
def test_what_is_counted_while_the_command_runs_counts(
    version: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: subprocess.Popen[bytes]
) -> None:
    group = _Group(tmp_path / "job", version, limit=60)
    group.write("cgroup.procs", f"{command.pid}\n{os.getpid()}\n{os.getppid()}\n99999999")
    watching = watch(monkeypatch, command.pid, group(tmp_path))
    assert watching.result() == GroupKills(0, False, False, 60, 60)
    group.count(kills=4, at_limit=6)
    watching.look([])
    watching.look([])
    assert watching.result() == GroupKills(1, False, True, 60, 60)
    assert watching.last_kill_ns == (2, 3)
    group.count(kills=5, at_limit=7)
    watching.result()
    assert watching.last_kill_ns == (4, 5)


def test_without_counts_nothing_is_known(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: subprocess.Popen[bytes]
) -> None:
    assert watch(monkeypatch, command.pid, None).result() is None
    group = _Group(tmp_path / "job", 1)
    # Kernels before 4.13 do not count.
    group.write("memory.oom_control", "oom_kill_disable 0\nunder_oom 0")
    assert watch(monkeypatch, command.pid, group(tmp_path)).result() is None


@pytest.mark.parametrize(("version", "expected"), [(1, 2), (2, 0)])
def test_groups_inside_count_where_the_kernel_does_not_add_them_up(
    version: int,
    expected: int,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    command: subprocess.Popen[bytes],
) -> None:
    outer = _Group(tmp_path / "job", version)
    inner = _Group(tmp_path / "job" / "worker", version)
    watching = watch(monkeypatch, command.pid, outer(tmp_path))
    inner.count(kills=5, at_limit=5)
    watching.look([])
    for path in inner.folder.iterdir():
        path.unlink()
    inner.folder.rmdir()
    found = watching.result()
    assert found is not None
    assert found.count == expected


def test_a_limit_around_the_group_is_hit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: subprocess.Popen[bytes]
) -> None:
    outer = _Group(tmp_path / "job", 1, limit=100)
    inner = _Group(tmp_path / "job" / "step", 1, limit=1000)
    watching = watch(monkeypatch, command.pid, inner(tmp_path))
    outer.count(kills=3, at_limit=6)
    inner.count(kills=4, at_limit=5)
    assert watching.result() == GroupKills(1, False, True, 100, 60)


def test_a_command_that_is_moved_is_followed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: subprocess.Popen[bytes]
) -> None:
    first, second = _Group(tmp_path / "a", 2), _Group(tmp_path / "b", 2)
    watching = watch(monkeypatch, command.pid, first(tmp_path), second(tmp_path))
    watching.look([])
    second.count(kills=4, at_limit=6)
    found = watching.result()
    assert found is not None
    assert (found.count, found.is_limit_hit) == (1, True)


def test_processes_of_others_in_the_group_are_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: subprocess.Popen[bytes]
) -> None:
    group = _Group(tmp_path / "job", 2)
    started = [sys.executable, "-c", "input()"]
    with subprocess.Popen(started, stdin=subprocess.PIPE) as other:
        group.write("cgroup.procs", f"{command.pid}\n{other.pid}")
        ours = watch(monkeypatch, command.pid, group(tmp_path))
        ours.look([])
        assert ours._is_shared
        of_command = watch(monkeypatch, os.getpid(), group(tmp_path))
        of_command.look([])
        assert not of_command._is_shared, "what descends from the command is the command's"
        group.write("cgroup.procs", "0")
        of_command.look([])
        assert of_command._is_shared, "a process that cannot be named is not the command's"


def test_a_kill_was_when_most_memory_was_used_between_two_looks() -> None:
    source = _Source(collector=None, records=None, rules=None)  # type: ignore[arg-type]
    source.readings.extend((read_ns, MemoryReading(device_id=-1, used=used)) for read_ns, used in USED)
    assert [source.fullest_ns(*window) for window in ((10, 30), (25, 40), (41, 50))] == [21, 31, 50]
