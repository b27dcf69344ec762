"""A job that leaks, runs out of memory or is killed is explained by what was recorded of it, inside and outside."""

from __future__ import annotations

import importlib.util
import os
import resource
import signal
import subprocess
import sys
from pathlib import Path

import pytest

import stormlog.query
from stormlog.explaining import Explanation
from stormlog.presenting import brief
from stormlog.query import QueryStore

TRAINING = Path(__file__).parents[2] / "examples" / "train_cpu.py"
#: Memory of the job: what it leaks is a part of it that cannot be overlooked.
ADDRESS_SPACE = 4 * 1024**3


def train(*arguments: str, folder: Path, inside: bool, outside: bool = False) -> int:
    """Run the example, recorded from inside, from outside or both, and return its status."""
    sink = str(folder / "sink")
    # An empty name: not into the directory that `stormlog run` tells.
    # Small matrices: what they hold is nothing beside what leaks.
    job = [sys.executable, str(TRAINING), *arguments, "--size", "8", "--track", sink if inside else ""]
    if outside or not inside:
        job = [
            sys.executable,
            "-m",
            "stormlog",
            "run",
            "--sink",
            sink,
            "--interval",
            "0.02",
            "-q",
            "--",
            *job,
        ]
    is_limited = inside and not outside
    limits = (
        (ADDRESS_SPACE, ADDRESS_SPACE) if is_limited else (resource.RLIM_INFINITY, resource.RLIM_INFINITY)
    )
    ended = subprocess.run(
        job,
        # One thread of the library for matrices: each takes address space.
        env={**os.environ, "OPENBLAS_NUM_THREADS": "1", "STORMLOG_CODE_VERSION": "1.0"},
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, limits),
        capture_output=True,
        timeout=120,
        check=False,
    )
    return ended.returncode


def reasons_of(store: QueryStore) -> list[str]:
    """Return why memory ran out, for each of the issues that say so."""
    return [
        str(issue.fingerprint.dimensions["reason"]) for issue in store.list_issues() if issue.kind == "oom"
    ]


def explained(folder: Path) -> tuple[Explanation, list[str]]:
    with stormlog.query.open([folder], cache=False) as store:
        return store.explain(), reasons_of(store)


def test_a_leak_is_the_component_that_grew(tmp_path: Path) -> None:
    assert train("--leak", "--mib", "24", "--oom", "--steps", "60", folder=tmp_path, inside=True) == 1
    account, reasons = explained(tmp_path)
    assert account.memory is not None
    assert (account.memory.largest_growth, account.memory.pattern) == ("allocated", "steady")
    assert account.first_failure is not None
    assert account.first_failure.phase == "evaluate"
    assert reasons == ["message_pattern:memoryerror"]


def test_a_leak_is_of_the_phase_that_keeps_memory(tmp_path: Path) -> None:
    assert train("--leak", "--steps", "30", folder=tmp_path, inside=True, outside=True) == 0
    with stormlog.query.open([tmp_path], cache=False) as store:
        account = store.explain()
    assert account.memory is not None
    assert account.memory.growth_phase == "train / forward"
    assert account.memory.growth_phase_count in range(18, 28)
    assert account.memory.growth_phase_bytes is not None
    assert 18 * 16 * 1024**2 < account.memory.growth_phase_bytes < 30 * 16 * 1024**2
    assert "memory grew most in phase train / forward: by " in brief(account)


def test_a_failure_seen_from_inside_and_outside_is_one(tmp_path: Path) -> None:
    assert train("--oom", "--steps", "4", folder=tmp_path, inside=True, outside=True) == 1
    with stormlog.query.open([tmp_path], cache=False) as store:
        (issue,) = store.list_issues()
        assert len(issue.affected_sessions) == 1
        assert [e.event_type for e in issue.evidence] == [None, "error"]
        account = store.explain()
    assert account.first_failure is not None and account.first_failure.phase == "evaluate"
    assert (account.run.ranks_failed, account.run.ranks_lost, account.run.ambiguous) == ((0,), (), False)
    assert [end.summary for end in account.exits] and "memory ran out" in account.exits[0].summary


def test_running_out_of_memory_is_seen_from_outside(tmp_path: Path) -> None:
    assert train("--oom", "--steps", "10", folder=tmp_path, inside=False) == 1
    account, reasons = explained(tmp_path)
    assert account.run.ranks_failed == (0,)
    assert reasons == ["message_pattern:memoryerror"]


@pytest.mark.parametrize(("inside", "outside"), [(True, False), (False, True), (True, True)])
def test_a_killed_job_is_lost_with_its_last_memory(inside: bool, outside: bool, tmp_path: Path) -> None:
    ended = train("--leak", "--kill", "--steps", "30", folder=tmp_path, inside=inside, outside=outside)
    assert ended == -signal.SIGKILL
    account, reasons = explained(tmp_path)
    assert reasons == []
    assert account.first_failure is None
    assert account.memory is not None
    if inside:
        assert (
            account.memory.allocated_bytes is not None and account.memory.allocated_bytes > 20 * 16 * 1024**2
        )
    if outside:
        assert account.run.ranks_lost == (0,)
    if not inside:
        assert account.memory.process_bytes is not None and account.memory.process_bytes > 20 * 16 * 1024**2


@pytest.mark.parametrize("flags", [[], ["--leak"], ["--fragment"], ["--oom"]])
def test_the_example_trains_without_libraries_too(
    flags: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for library in ("torch", "numpy"):
        monkeypatch.setitem(sys.modules, library, None)
    spec = importlib.util.spec_from_file_location("train_cpu_alone", TRAINING)
    assert spec is not None and spec.loader is not None
    example = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(example)
    quick = ["--steps", "2", "--pause", "0", "--size", "4", "--mib", "1"]
    monkeypatch.setattr(sys, "argv", ["train_cpu.py", "--track", str(tmp_path), *quick, *flags])
    monkeypatch.setenv("STORMLOG_CODE_VERSION", "1.0")
    if "--oom" in flags:
        with pytest.raises(MemoryError):
            example.main()
    else:
        example.main()
    with stormlog.query.open([tmp_path], cache=False) as store:
        assert reasons_of(store) == (["message_pattern:memoryerror"] if "--oom" in flags else [])
