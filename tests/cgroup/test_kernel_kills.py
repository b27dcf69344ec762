"""Commands that the kernel kills in a control group with a limit: make test-cgroup."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

import stormlog.query
from stormlog.capture.collectors.cgroup import find_cgroup
from stormlog.explaining import Explanation

LIMIT = 64 * 2**20
ALLOCATE = """
import time
kept = []
while True:
    kept.append(bytearray(b"x" * 1_000_000))
    time.sleep(0.005)
"""


class Group:
    """A control group inside that of the tests, with a limit."""

    def __init__(self, path: Path, version: int) -> None:
        self.path = path
        self.version = version
        path.mkdir()
        name = "memory.max" if version == 2 else "memory.limit_in_bytes"
        if not (path / name).exists():
            path.rmdir()
            pytest.skip(f"memory is not controlled below {path.parent}")
        (path / name).write_text(str(LIMIT))

    def enter(self) -> None:
        """Move this process there."""
        (self.path / "cgroup.procs").write_text(str(os.getpid()))

    def remove(self) -> None:
        for inner in self.path.glob("*/"):
            inner.rmdir()
        deadline = time.monotonic() + 10
        while time.monotonic() < deadline:
            # The kernel may still be clearing up after a process that has ended.
            with contextlib.suppress(OSError):
                return self.path.rmdir()
            time.sleep(0.05)
        return self.path.rmdir()


@pytest.fixture
def group() -> Iterator[Group]:
    own = find_cgroup()
    if own is None:
        pytest.skip("there is no control group for memory here")
    path = Path(own.path) / f"stormlog-test-{os.getpid()}"
    try:
        made = Group(path, own.version)
    except OSError as error:
        pytest.skip(f"no control group can be made here: {error}")
    yield made
    made.remove()


def run(group: Group, sink: Path, *command: str) -> subprocess.CompletedProcess[str]:
    """Run a command in the group, recorded from outside."""
    return subprocess.run(
        [sys.executable, "-m", "stormlog", "run", "--sink", str(sink), "--interval", "0.02", "--", *command],
        preexec_fn=group.enter,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def explained(sink: Path) -> tuple[Explanation, list[str]]:
    """Return the account of a run, and the reasons of its issues of memory."""
    with stormlog.query.open([sink], cache=False) as store:
        reasons = [
            str(issue.fingerprint.dimensions["reason"])
            for issue in store.list_issues()
            if issue.kind == "oom"
        ]
        return store.explain(), reasons


def test_a_kill_by_the_kernel_is_the_cause_with_limit_and_peak(group: Group, tmp_path: Path) -> None:
    ended = run(group, tmp_path / "sink", sys.executable, "-c", ALLOCATE)
    assert ended.returncode == -signal.SIGKILL, ended.stderr
    account, reasons = explained(tmp_path / "sink")
    assert reasons == ["cgroup:oom_kill"]
    [exited] = account.exits
    assert exited.summary == (
        "Command killed by SIGKILL; the kernel killed it because the control group was out of memory "
        "(limit 64.0 MiB, peak 64.0 MiB)"
    )
    assert account.first_failure is not None
    assert account.first_failure.kind == "oom"
    assert account.memory is not None and account.memory.process_bytes is not None
    assert account.memory.process_bytes > LIMIT // 8


@pytest.mark.parametrize("end", ["kill -KILL $$", "exit 137"])
def test_the_same_status_without_a_kill_by_the_kernel_has_no_known_cause(
    end: str, group: Group, tmp_path: Path
) -> None:
    ended = run(group, tmp_path / "sink", "sh", "-c", end)
    assert "killed by SIGKILL, cause unknown" in ended.stderr
    account, reasons = explained(tmp_path / "sink")
    assert reasons == []
    assert account.first_failure is None
    assert account.run.ranks_lost == (0,)


def test_a_kill_in_a_group_inside_is_seen(group: Group, tmp_path: Path) -> None:
    if group.version == 2:
        pytest.skip("a group of version 2 that controls others holds no processes")
    inner = group.path / "worker"
    code = f"""
import os, subprocess, sys
os.mkdir({str(inner)!r})
def enter():
    with open({str(inner / "cgroup.procs")!r}, "w") as file:
        file.write(str(os.getpid()))
worker = subprocess.run([sys.executable, "-c", {ALLOCATE!r}], preexec_fn=enter)
sys.exit(f"worker ended with {{worker.returncode}}")
"""
    ended = run(group, tmp_path / "sink", sys.executable, "-c", code)
    assert "worker ended with -9" in ended.stderr
    account, reasons = explained(tmp_path / "sink")
    assert reasons == ["cgroup:oom_kill"]
    assert "ended with status 1; the kernel killed a process of it" in account.exits[0].summary


def test_a_kill_of_another_program_in_the_group_is_not_the_cause(group: Group, tmp_path: Path) -> None:
    victim = [sys.executable, "-c", f"input()\n{ALLOCATE}"]
    with subprocess.Popen(victim, stdin=subprocess.PIPE, preexec_fn=group.enter) as other:
        # It stays small until the command is looked at, then is the largest of the group.
        go = f"/proc/{other.pid}/fd/0"
        code = f"import time; time.sleep(1); open({go!r}, 'w').write('\\n'); time.sleep(3); raise ValueError('x')"
        ended = run(group, tmp_path / "sink", sys.executable, "-c", code)
        assert other.wait(30) == -signal.SIGKILL
    assert ended.returncode == 1
    account, reasons = explained(tmp_path / "sink")
    assert reasons == []
    assert account.exits[0].summary.startswith(
        "Command ended with status 1; last exception: ValueError: x; "
        "the kernel killed a process of its control group, which other programs share,"
    )
