"""Collectors say what is known, and nothing else."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from stormlog.capture.collectors import process
from stormlog.capture.collectors.cgroup import Cgroup, CgroupMemory, find_cgroup
from stormlog.capture.collectors.choosing import choose_collector
from stormlog.capture.collectors.host import (
    ProcessSizes,
    SizesOfThisProcess,
    limits_of_this_process,
    room_for_process,
    sizes_of_process,
)
from stormlog.capture.collectors.process import ProcessCollector
from stormlog.capture.collectors.sparing import Sparing

MIB = 1024 * 1024


def _write(folder: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)


def test_version_2_of_control_groups(tmp_path: Path) -> None:
    group = tmp_path / "job" / "step"
    _write(tmp_path, {"job/memory.max": "1000\n"})
    _write(
        group,
        {
            "memory.max": "max\n",
            "memory.current": "700\n",
            "memory.peak": "900\n",
            "memory.stat": "anon 500\ninactive_file 150\n",
            "memory.events": "low 0\noom 3\noom_kill 2\n",
        },
    )
    assert Cgroup(str(group), 2, str(tmp_path)).read() == CgroupMemory(1000, 550, 900, 2)


def test_version_1_of_control_groups(tmp_path: Path) -> None:
    files = {
        "memory.limit_in_bytes": "9223372036854771712\n",
        "memory.usage_in_bytes": "700\n",
        "memory.max_usage_in_bytes": "900\n",
        "memory.stat": "total_inactive_file 800\n",
        "memory.oom_control": "oom_kill_disable 0\nunder_oom 0\noom_kill 0\n",
    }
    _write(tmp_path / "job", files)
    assert Cgroup(str(tmp_path / "job"), 1, str(tmp_path)).read() == CgroupMemory(None, 0, 900, 0)


def test_what_a_control_group_does_not_say_is_not_known(tmp_path: Path) -> None:
    assert Cgroup(str(tmp_path), 2, str(tmp_path)).read() == CgroupMemory(None, None, None, None)


@pytest.mark.parametrize(
    ("cgroup", "mountinfo", "files", "found"),
    [
        ("0::/job\n", "30 23 0:26 / {root} rw - cgroup2 cgroup2 rw\n", {"job/memory.current": "1"}, "job"),
        # A container sees its own group as the root, whatever the host calls it.
        ("0::/pod/box\n", "30 23 0:26 / {root} rw - cgroup2 cgroup2 rw\n", {"memory.current": "1"}, "."),
        ("0::/pod/box\n", "30 23 0:26 /pod/box {root} rw - cgroup2 none rw\n", {"memory.current": "1"}, "."),
        (
            "5:cpu,memory:/job\n0::/\n",
            "30 23 0:26 / {root} rw - cgroup cgroup rw,memory,cpu\n",
            {"job/memory.usage_in_bytes": "1"},
            "job",
        ),
        (
            "5:cpu:/job\n",
            "30 23 0:26 / {root} rw - cgroup cgroup rw,cpu\n",
            {"job/memory.usage_in_bytes": "1"},
            None,
        ),
        ("", "", {}, None),
        ("nonsense\n::\n", "nonsense - \n", {}, None),
    ],
)
def test_the_control_group_of_a_process_is_found(
    cgroup: str, mountinfo: str, files: dict[str, str], found: str | None, tmp_path: Path
) -> None:
    root = tmp_path / "sys"
    root.mkdir()
    _write(root, files)
    _write(tmp_path / "proc" / "7", {"cgroup": cgroup, "mountinfo": mountinfo.format(root=root)})
    group = find_cgroup(7, str(tmp_path / "proc"))
    assert (None if group is None else Path(group.path)) == (None if found is None else root / found)


@pytest.mark.parametrize(
    ("limits", "cgroup", "expected"),
    [
        ((None, None), None, (10_000, 4000)),
        ((None, None), CgroupMemory(6000, 5000, None, None), (6000, 1000)),
        ((None, None), CgroupMemory(6000, 7000, None, None), (6000, 0)),
        ((None, None), CgroupMemory(20_000, 5000, None, None), (10_000, 4000)),
        ((None, None), CgroupMemory(6000, None, None, None), (6000, 4000)),
        ((None, None), CgroupMemory(None, 5000, None, None), (10_000, 4000)),
        ((5000, None), None, (5000, 3000)),
        ((None, 1000), None, (1000, 500)),
        ((5000, 1000), CgroupMemory(900, 100, None, None), (900, 500)),
    ],
)
def test_the_narrowest_limit_is_the_memory_there_is(
    limits: tuple[int | None, int | None],
    cgroup: CgroupMemory | None,
    expected: tuple[int, int],
) -> None:
    sizes = ProcessSizes(resident=1000, address_space=2000, data=500)
    assert room_for_process((10_000, 4000), sizes, limits, cgroup) == expected


def test_limits_of_this_process_are_those_of_ulimit(monkeypatch: pytest.MonkeyPatch) -> None:
    resource = pytest.importorskip("resource")
    limits = {resource.RLIMIT_AS: 5000, resource.RLIMIT_DATA: resource.RLIM_INFINITY}
    monkeypatch.setattr(resource, "getrlimit", lambda kind: (limits[kind], 9))
    assert limits_of_this_process() == (5000, None)


def test_memory_that_a_process_takes_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("stormlog.capture.collectors.sparing._LONGEST_SECONDS", 0.0)
    collector = ProcessCollector()
    before = collector.read()
    kept = bytearray(64 * MIB)
    kept[::4096] = b"x" * len(kept[::4096])
    after = collector.read()
    assert before.used is not None and after.used is not None
    assert after.used - before.used >= 60 * MIB
    if collector.capabilities.allocated:
        assert before.allocated is not None and after.allocated is not None
        assert 60 * MIB <= after.allocated - before.allocated <= 70 * MIB
        assert after.reserved is not None and after.reserved >= after.allocated
    assert after.missing == ()


def test_a_forked_child_reads_its_own_sizes() -> None:
    sizes = SizesOfThisProcess()
    before = sizes().resident
    child = os.fork()
    if child == 0:
        begun = sizes().resident
        kept = bytearray(64 * MIB)
        kept[::4096] = b"x" * len(kept[::4096])
        os._exit(not sizes().resident - begun > 60 * MIB)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert sizes().resident < before + 60 * MIB
    sizes.close()
    sizes.close()
    assert sizes().resident > 0
    sizes.close()


def test_without_the_allocator_of_gnu_its_counters_are_not_known(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process, "find_malloc", lambda: None)
    collector = ProcessCollector()
    assert not collector.capabilities.allocated
    assert (collector.read().allocated, collector.read().reserved) == (None, None)


def test_what_takes_long_to_ask_is_asked_less_often(monkeypatch: pytest.MonkeyPatch) -> None:
    now, asked = 0.0, []

    def ask() -> float:
        nonlocal now
        now += 0.0002
        asked.append(now)
        return now

    monkeypatch.setattr("stormlog.capture.collectors.sparing.time.monotonic", lambda: now)
    answer = Sparing(ask)
    for _ in range(1000):
        assert answer() == asked[-1]
        now += 0.01
    # A fifth of a millisecond of each 0.4 s: a share of 0.05 %.
    assert len(asked) == pytest.approx(25, abs=1)


def test_a_process_that_is_gone_is_an_error() -> None:
    with pytest.raises(OSError, match=r"gone|exist"):
        sizes_of_process(2**22 + 1)
    assert sizes_of_process(os.getpid()).resident > 0


class _Cuda:
    def __init__(self, *, initialised: bool) -> None:
        self.initialised = initialised

    def is_available(self) -> bool:
        raise AssertionError("asking starts the driver")

    def is_initialized(self) -> bool:
        return self.initialised

    def current_device(self) -> int:
        assert self.initialised, "asking starts the device"
        return 2

    def device_count(self) -> int:
        return 4

    def memory_stats_as_nested_dict(self, device: int) -> Any:
        assert self.initialised
        counters = {"allocated": 10, "reserved": 20, "active": 12, "inactive_split": 3}
        return {f"{name}_bytes": {"all": {"current": value, "peak": 99}} for name, value in counters.items()}

    def mem_get_info(self, device: int) -> tuple[int, int]:
        assert self.initialised, "asking starts the device"
        return 60, 100


def _torch(*, initialised: bool, hip: str | None = None) -> Any:
    return SimpleNamespace(cuda=_Cuda(initialised=initialised), version=SimpleNamespace(hip=hip))


@pytest.mark.parametrize(("hip", "backend"), [(None, "cuda"), ("6.0", "rocm")])
def test_a_device_of_pytorch(hip: str | None, backend: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torch", _torch(initialised=True, hip=hip))
    collector = choose_collector("auto", None, 3)
    assert (collector.backend, collector.name) == (backend, f"stormlog.{backend}_tracker")
    reading = collector.read()
    assert reading.device_id == 2
    counters = (reading.allocated, reading.reserved, reading.active, reading.inactive)
    assert counters == (10, 20, 12, 3)
    assert (reading.used, reading.free, reading.total) == (40, 60, 100)
    assert reading.details == {"allocator_peak_bytes": 99}
    assert choose_collector(backend, 1, 3).read().device_id == 1


def test_a_device_that_the_job_has_not_used_is_not_started(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torch", _torch(initialised=False))
    reading = choose_collector("cuda", None, 3).read()
    assert (reading.device_id, reading.allocated, reading.used, reading.total) == (3, 0, None, None)
    assert choose_collector("cuda", None, 7).read().device_id == 0


def test_a_device_of_apple(monkeypatch: pytest.MonkeyPatch) -> None:
    mps = SimpleNamespace(
        current_allocated_memory=lambda: 5,
        driver_allocated_memory=lambda: 9,
        recommended_max_memory=lambda: 50,
    )
    torch = SimpleNamespace(
        cuda=SimpleNamespace(device_count=lambda: 0),
        backends=SimpleNamespace(mps=SimpleNamespace(is_available=lambda: True)),
        mps=mps,
    )
    monkeypatch.setitem(sys.modules, "torch", torch)
    reading = choose_collector("mps", None, 0).read()
    assert (reading.allocated, reading.reserved, reading.used, reading.total) == (5, 9, None, 50)


def test_a_device_of_jax(monkeypatch: pytest.MonkeyPatch) -> None:
    stats = {"bytes_in_use": 5, "pool_bytes": 9, "peak_bytes_in_use": 7, "bytes_limit": 70}
    device = SimpleNamespace(id=1, memory_stats=lambda: stats)
    monkeypatch.setitem(sys.modules, "jax", SimpleNamespace(local_devices=lambda: [device]))
    monkeypatch.setitem(
        sys.modules, "jax._src.xla_bridge", SimpleNamespace(backends_are_initialized=lambda: True)
    )
    reading = choose_collector("auto", None, 0).read()
    assert (reading.device_id, reading.allocated, reading.reserved, reading.used) == (1, 5, 9, None)
    assert reading.details == {"allocator_peak_bytes": 7, "allocator_limit_bytes": 70}

    del stats["pool_bytes"]
    assert choose_collector("jax", None, 0).read().reserved is None
    monkeypatch.setitem(
        sys.modules, "jax._src.xla_bridge", SimpleNamespace(backends_are_initialized=lambda: False)
    )
    assert choose_collector("auto", None, 0).backend == "cpu"
    stats.clear()
    with pytest.raises(ValueError, match="jax needs jax"):
        choose_collector("jax", None, 0)


class _Nvml(SimpleNamespace):
    class NVMLError(Exception):
        pass

    def __init__(self) -> None:
        super().__init__(open=0)

    def nvmlInit(self) -> None:
        self.open += 1

    def nvmlShutdown(self) -> None:
        self.open -= 1

    def nvmlDeviceGetHandleByIndex(self, index: int) -> Any:
        return ("index", index)

    def nvmlDeviceGetHandleByUUID(self, name: bytes) -> Any:
        return ("uuid", name)

    def nvmlDeviceGetMemoryInfo(self, handle: Any) -> Any:
        self.handle = handle
        return SimpleNamespace(used=30, free=70, total=100)

    def nvmlDeviceGetComputeRunningProcesses(self, handle: Any) -> Any:
        if self.own is None:
            raise self.NVMLError
        return [
            SimpleNamespace(pid=1, usedGpuMemory=3),
            SimpleNamespace(pid=os.getpid(), usedGpuMemory=self.own),
        ]


@pytest.mark.parametrize(
    ("visible", "device", "handle"),
    [(None, 1, ("index", 1)), ("3,2", 1, ("index", 2)), ("GPU-a, GPU-b", 1, ("uuid", b"GPU-b"))],
)
def test_a_device_of_the_driver(
    visible: str | None, device: int, handle: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    nvml = _Nvml()
    nvml.own = 12
    monkeypatch.setitem(sys.modules, "pynvml", nvml)
    if visible is None:
        monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    else:
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
    collector = choose_collector("nvidia", None, device)
    reading = collector.read()
    assert nvml.handle == handle
    assert (reading.allocated, reading.used, reading.free, reading.total) == (None, 30, 70, 100)
    assert reading.details == {"process_device_bytes": 12}
    nvml.own = None
    assert collector.read().details == {}
    collector.close()
    assert nvml.open == 0


def test_a_device_that_is_not_visible_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    nvml = _Nvml()
    monkeypatch.setitem(sys.modules, "pynvml", nvml)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0")
    with pytest.raises(ValueError, match="no device 1"):
        choose_collector("nvidia", 1, 0)
    assert nvml.open == 0


def test_collectors_that_are_not_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torch", None)
    assert choose_collector("auto", None, 0).backend == "cpu"
    with pytest.raises(ValueError, match="cuda needs torch"):
        choose_collector("cuda", None, 0)
    with pytest.raises(ValueError, match="no collector 'tpu'"):
        choose_collector("tpu", None, 0)
    monkeypatch.setitem(sys.modules, "torch", SimpleNamespace(cuda=SimpleNamespace()))
    assert choose_collector("auto", None, 0).backend == "cpu"
