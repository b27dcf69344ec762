"""What is recorded of a device, with PyTorch itself: collector, phases, alerts, failures, snapshots.

Without PyTorch or a device that it can use, all of it is skipped. The tests take less than 2 GiB of the device.
"""

from __future__ import annotations

import json
import os
import pickle
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import stormlog.query
from stormlog.capture import AlertOptions, FlightRecorderOptions, MemoryTracker
from stormlog.telemetry import validate_telemetry_record

torch: Any = pytest.importorskip("torch", reason="PyTorch is not installed: make test-cuda installs it")
if not torch.cuda.is_available():
    pytest.skip("PyTorch finds no CUDA device that it can use", allow_module_level=True)

MIB = 2**20
#: Longer than any test: samples are taken by phases alone.
NEVER = 3600.0
#: What the process may take of the device in tests that run out of memory.
LIMIT = 512 * MIB


@pytest.fixture(autouse=True)
def device() -> Iterator[int]:
    """Start the device, and leave nothing on it."""
    torch.cuda.init()
    torch.cuda.empty_cache()
    torch.cuda.reset_peak_memory_stats()
    yield torch.cuda.current_device()
    torch.cuda.set_per_process_memory_fraction(1.0)
    torch.cuda.empty_cache()


def limit_memory() -> None:
    """Have the allocator refuse more than `LIMIT`, as if the device had no more."""
    _, total = torch.cuda.mem_get_info()
    torch.cuda.set_per_process_memory_fraction(LIMIT / total)


def take(mebibytes: int) -> Any:
    return torch.ones(mebibytes * MIB, dtype=torch.uint8, device="cuda")


def records(directory: Path) -> list[dict[str, Any]]:
    found = [
        json.loads(line)
        for path in sorted(directory.rglob("segment-*.jsonl"))
        for line in path.read_text().splitlines()
    ]
    for record in found:
        validate_telemetry_record(record)
    return found


def oom_reasons(directory: Path) -> list[Any]:
    with stormlog.query.open([directory], cache=False) as store:
        return [
            issue.fingerprint.dimensions["reason"] for issue in store.list_issues() if issue.kind == "oom"
        ]


def test_counters_are_those_of_the_allocator_and_the_driver(tmp_path: Path, device: int) -> None:
    kept = []
    with MemoryTracker(tmp_path, interval=NEVER, alerts=None) as tracker, tracker.phase("before"):
        kept.append(take(64))
        with tracker.phase("after"):
            pass
    assert tracker.problems == []
    found = records(tmp_path)
    assert {record["schema_version"] for record in found} == {3}
    assert {record["device_id"] for record in found} == {device}
    assert {record["collector"] for record in found} == {
        "stormlog.rocm_tracker" if torch.version.hip else "stormlog.cuda_tracker"
    }
    before, after = [record for record in found if record["event_type"] == "phase_enter"]
    grown = after["allocator_allocated_bytes"] - before["allocator_allocated_bytes"]
    assert 64 * MIB <= grown < 66 * MIB
    assert after["allocator_change_bytes"] == grown
    assert after["allocator_reserved_bytes"] >= after["allocator_allocated_bytes"]
    assert after["device_used_bytes"] >= after["allocator_reserved_bytes"]
    assert after["device_used_bytes"] + after["device_free_bytes"] == after["device_total_bytes"]
    assert after["metadata"]["allocator_peak_bytes"] >= after["allocator_allocated_bytes"]


def test_samples_follow_the_device(tmp_path: Path) -> None:
    with MemoryTracker(tmp_path, interval=0.01, alerts=None):
        time.sleep(0.1)
        kept = take(128)
        time.sleep(0.1)
        del kept
        time.sleep(0.1)
    allocated = [
        record["allocator_allocated_bytes"]
        for record in records(tmp_path)
        if record["event_type"] == "sample"
    ]
    assert max(allocated) - min(allocated) >= 128 * MIB
    assert allocated[-1] <= allocated[0] + MIB


def test_phases_have_the_memory_of_their_moments(tmp_path: Path) -> None:
    kept = []
    with MemoryTracker(tmp_path, interval=NEVER, alerts=None) as tracker, tracker.phase("forward"):
        kept.append(take(64))
    enter, leave = [r for r in records(tmp_path) if r["event_type"] in ("phase_enter", "phase_exit")]
    assert leave["allocator_allocated_bytes"] - enter["allocator_allocated_bytes"] >= 64 * MIB


def test_growth_is_one_alert(tmp_path: Path) -> None:
    kept = []
    with MemoryTracker(tmp_path, interval=0.01, alerts=AlertOptions(growth_bytes=64 * MIB)):
        for _ in range(10):
            kept.append(take(16))
            time.sleep(0.03)
    alerts = [
        r
        for r in records(tmp_path)
        if r["event_type"] == "warning" and r["context"].startswith("Large allocation")
    ]
    assert len(alerts) == 1


def test_running_out_of_memory_is_an_issue_with_its_phase(tmp_path: Path) -> None:
    limit_memory()
    kept = []
    with (
        pytest.raises(torch.cuda.OutOfMemoryError),
        MemoryTracker(tmp_path, interval=0.01, alerts=None) as tracker,
    ):
        time.sleep(0.05)
        while True:
            with tracker.phase("forward"):
                kept.append(take(32))
            time.sleep(0.02)
    kept.clear()
    assert oom_reasons(tmp_path) == ["torch.cuda.outofmemoryerror"]
    assert len(list((tmp_path / "oom_dumps").glob("oom_dump_*"))) == 1
    with stormlog.query.open([tmp_path], cache=False) as store:
        account = store.explain()
    failure = account.first_failure
    assert failure is not None
    assert (failure.kind, failure.phase) == ("oom", "forward")
    assert failure.requested_bytes == 32 * MIB
    assert account.memory is not None
    assert account.memory.allocated_bytes is not None
    assert LIMIT - 64 * MIB <= account.memory.allocated_bytes <= LIMIT


def test_a_failure_that_the_job_catches_is_recorded(tmp_path: Path) -> None:
    limit_memory()
    with MemoryTracker(tmp_path, interval=NEVER, alerts=None) as tracker:
        try:
            take(1024)
        except torch.cuda.OutOfMemoryError:
            pass
        else:
            pytest.fail("the allocator gave more than its limit")
    assert tracker.problems == []
    [error] = [record for record in records(tmp_path) if record["event_type"] == "error"]
    assert error["metadata"]["oom_reason"] == "torch.cuda.OutOfMemoryError"
    assert error["metadata"]["requested_bytes"] == 1024 * MIB
    assert oom_reasons(tmp_path) == ["torch.cuda.outofmemoryerror"]


def test_a_snapshot_says_who_asked_for_memory(tmp_path: Path) -> None:
    limit_memory()
    kept = []
    options = FlightRecorderOptions(allocator_snapshot=True)
    with MemoryTracker(tmp_path, interval=NEVER, alerts=None, oom=options) as tracker:
        kept.append(take(64))
        with pytest.raises(torch.cuda.OutOfMemoryError):
            take(1024)
    assert tracker.problems == []
    [path] = tmp_path.glob("oom_dumps/*/cuda_allocator_snapshot.pickle")
    snapshot = pickle.loads(path.read_bytes())
    blocks = [block for segment in snapshot["segments"] for block in segment["blocks"]]
    of_test = [
        block
        for block in blocks
        if any(
            os.path.basename(frame["filename"]) == os.path.basename(__file__)
            for frame in block.get("frames", ())
        )
    ]
    assert sum(block["size"] for block in of_test if block["state"] == "active_allocated") >= 64 * MIB
    actions = {entry["action"] for trace in snapshot["device_traces"] for entry in trace}
    assert {"alloc", "oom"} <= actions
    assert not torch._C._cuda_isHistoryEnabled(), "what was switched on is switched off"
    with stormlog.query.open([tmp_path], cache=False) as store:
        failure = store.explain().first_failure
        assert store.catalog.warnings == []
    assert failure is not None
    assert failure.allocator_snapshot_path == str(path)


STARTS_NOTHING = """
import os, sys, time
import torch
from stormlog.capture import FlightRecorderOptions, MemoryTracker

with MemoryTracker(sys.argv[1], interval=0.01, oom=FlightRecorderOptions(allocator_snapshot=True)) as tracker:
    time.sleep(0.2)
    assert not torch.cuda.is_initialized()
    child = os.fork()
    if child == 0:
        os._exit(0 if int(torch.ones(2, device="cuda").sum()) == 2 else 1)
    assert os.waitpid(child, 0)[1] == 0, "the child of a job that used no device can use one"
    kept = torch.ones(8, device="cuda")
    time.sleep(0.2)
print(tracker.problems)
"""


def test_a_tracker_starts_no_device_and_follows_when_the_job_does(tmp_path: Path) -> None:
    job = subprocess.run(
        [sys.executable, "-c", STARTS_NOTHING, str(tmp_path)],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert (job.returncode, job.stdout) == (0, "[]\n"), job.stderr
    allocated = [record["allocator_allocated_bytes"] for record in records(tmp_path)]
    assert allocated[0] == 0
    assert allocated[-1] > 0


def test_the_driver_agrees_with_pytorch(tmp_path: Path, device: int) -> None:
    pytest.importorskip("pynvml", reason="nvidia-ml-py is not installed")
    kept = take(64)
    with MemoryTracker(tmp_path, interval=NEVER, alerts=None, collector="nvidia", device=device) as tracker:
        pass
    assert tracker.problems == []
    start = records(tmp_path)[0]
    assert start["schema_version"] == 4
    assert start["allocator_allocated_bytes"] is None
    assert start["device_used_bytes"] >= kept.numel()


def test_a_command_is_recorded_with_its_devices(tmp_path: Path) -> None:
    pytest.importorskip("pynvml", reason="nvidia-ml-py is not installed")
    code = (
        "import time, torch; kept = torch.ones(64 * 2**20, dtype=torch.uint8, device='cuda'); time.sleep(1)"
    )
    command = [
        sys.executable,
        "-m",
        "stormlog",
        "run",
        "-q",
        "--sink",
        str(tmp_path),
        "--interval",
        "0.1",
        "--",
    ]
    subprocess.run([*command, sys.executable, "-c", code], check=True, timeout=300)
    used = [r["device_used_bytes"] for r in records(tmp_path) if r["collector"].startswith("stormlog.nvidia")]
    assert used
    assert max(used) >= 64 * MIB
