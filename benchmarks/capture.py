"""Shows what recording costs a job: each record, each sample, a training loop, the import, and bytes on disk.

Run ``python -m benchmarks.capture [--events 20000] [--with-peer]``: with it stormlog 0.4.3 takes turns with this
version, in an environment of its own (``--peer PYTHON`` names one). Times of calls are what the calling thread waits;
times of the processor are of all threads.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from operator import truediv
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.references import reference_python

__all__ = ["Calls", "loop_costs", "processor_ms"]

#: What a sampling thread of either package writes, with keys of the usual lengths.
RECORD: dict[str, Any] = {
    "schema_version": 3,
    "session_id": "00000000-0000-4000-8000-000000000000",
    "timestamp_ns": 1_700_000_000_000_000_000,
    "event_type": "sample",
    "collector": "stormlog.cuda_tracker",
    "sampling_interval_ms": 100,
    "pid": 4711,
    "host": "gpu-node-01",
    "job_id": "slurm-1",
    "rank": 3,
    "local_rank": 3,
    "world_size": 8,
    "device_id": 3,
    "allocator_allocated_bytes": 48_318_382_080,
    "allocator_reserved_bytes": 50_465_865_728,
    "allocator_active_bytes": 48_318_382_080,
    "allocator_inactive_bytes": 2_147_483_648,
    "allocator_change_bytes": 1_048_576,
    "device_used_bytes": 51_539_607_552,
    "device_free_bytes": 34_359_738_368,
    "device_total_bytes": 85_899_345_920,
    "context": None,
    "metadata": {"backend": "cuda", "collector_health_status": "healthy", "telemetry_partial": False},
}

#: Appends records with one of the two packages; prints the nanoseconds of each call, and those of the processor.
_APPENDING = """
import json, sys, time
record, count, directory = json.loads(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
try:
    from stormlog.capture import SinkWriter
    sink = SinkWriter(directory)
except ImportError:
    from stormlog.telemetry_sink import AppendOnlyTelemetrySink, TelemetrySinkConfig
    sink = AppendOnlyTelemetrySink(TelemetrySinkConfig(root_dir=directory, write_rollups=False))
times, begun = [], time.process_time_ns()
for number in range(count):
    record["timestamp_ns"] += 1000
    before = time.perf_counter_ns()
    sink.append(record)
    times.append(time.perf_counter_ns() - before)
sink.close()
print(json.dumps([times, time.process_time_ns() - begun]))
"""

#: Enters and leaves phases of a tracker of this process, likewise; each does both, which is two events.
_PHASES = """
import json, sys, time
count, directory = int(sys.argv[2]) // 2, sys.argv[3]
try:
    from stormlog.capture import MemoryTracker
    tracker = MemoryTracker(directory, interval=3600, collector="process", hooks=False)
    start, stop = tracker.start, tracker.stop
except ImportError:
    from stormlog import CPUMemoryTracker
    from stormlog.telemetry_sink import TelemetrySinkConfig
    config = TelemetrySinkConfig(root_dir=directory, write_rollups=False)
    tracker = CPUMemoryTracker(sampling_interval=3600, telemetry_sink_config=config)
    start, stop = tracker.start_tracking, tracker.stop_tracking
start()
times, begun = [], time.process_time_ns()
for number in range(count):
    before = time.perf_counter_ns()
    handle = tracker.enter_phase("forward")
    entered = time.perf_counter_ns()
    handle.close()
    times += (entered - before, time.perf_counter_ns() - entered)
stop()
print(json.dumps([times, time.process_time_ns() - begun]))
"""

_IMPORTS = {
    "import stormlog.capture": "import stormlog.capture",
    "  and MemoryTracker": "from stormlog.capture import MemoryTracker",
    "  of it, standard library": "import ctypes, dataclasses, json, pathlib, platform, shutil, threading",
}

_PROGRAMS = {"append": _APPENDING, "phase": _PHASES}


class Calls:
    """What events cost, over all turns.

    Attributes:
        times: Nanoseconds that each call kept the calling thread.
        processor_us: Microseconds of the processor for an event, all threads together: one for each turn.
        bytes_each: Bytes of an event on disk.
    """

    def __init__(self) -> None:
        self.times: list[int] = []
        self.processor_us: list[float] = []
        self.bytes_each = 0.0

    def take_turn(self, program: str, python: str, count: int) -> None:
        """Record events in a process of its own.

        Args:
            program: ``append`` (a sink alone) or ``phase`` (a tracker of the process, with its sink).
            python: Interpreter that has this package or stormlog 0.4.3.
            count: Number of events.
        """
        with tempfile.TemporaryDirectory() as folder:
            command = [python, "-P", "-c", _PROGRAMS[program], json.dumps(RECORD), str(count), folder]
            ran = subprocess.run(command, check=True, capture_output=True, text=True, cwd=folder)
            segments = list(Path(folder).glob("segment-*"))
            lines = sum(path.read_bytes().count(b"\n") for path in segments)
            self.bytes_each = sum(path.stat().st_size for path in segments) / lines
        times, processor_ns = json.loads(ran.stdout)
        self.times += times
        self.processor_us.append(processor_ns / count / 1000)

    def __str__(self) -> str:
        ordered = sorted(self.times)
        half, last = ordered[len(ordered) // 2] / 1000, ordered[int(len(ordered) * 0.999)] / 1000
        return (
            f"p50 {half:6.1f} us   p99.9 {last:8.1f} us   processor {median(self.processor_us):6.1f} us   "
            f"{self.bytes_each:5.0f} bytes"
        )


def loop_costs(interval: float, seconds: float, turns: int) -> tuple[float, float]:
    """Return what each sample takes of the processor beside a training loop, in microseconds, all threads together.

    Turns of the tracker and of a thread that does nothing but wake as often alternate: what that takes, nobody who
    samples in Python can do without. All of it is taken from the loop, where there is no other core.

    Args:
        interval: Time between samples, in seconds.
        seconds: Length of a turn.
        turns: Turns of each kind; the median counts.

    Returns:
        That of a sample, and of a thread that only wakes.
    """
    # Threads that spin while they wait for one another would be counted as work.
    os.environ["OPENBLAS_NUM_THREADS"] = "1"
    import numpy as np

    from stormlog.capture import MemoryTracker

    matrix = np.random.default_rng(0).random((256, 256))

    def others_us(work: Callable[[], int]) -> float:
        """Return what other threads took for each of what is counted at the end."""
        begun, begun_here = time.process_time(), time.thread_time()
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            for _ in range(20):
                matrix @ matrix
        count = work()
        taken = time.process_time() - begun - (time.thread_time() - begun_here)
        return 1_000_000 * taken / max(1, count)

    of_samples, of_waking = [], []
    for _ in range(turns):
        with tempfile.TemporaryDirectory() as folder:
            tracker = MemoryTracker(folder, interval=interval, hooks=False).start()

            def stop(tracker: MemoryTracker = tracker) -> int:
                tracker.stop()
                recorder = tracker.recorder
                return 0 if recorder is None else len(recorder.events)

            of_samples.append(others_us(stop))
        with _Waking(interval) as thread:
            of_waking.append(others_us(lambda thread=thread: thread.count))  # type: ignore[misc]
    return median(of_samples), median(of_waking)


class _Waking:
    """A thread that wakes and sleeps again."""

    def __init__(self, interval: float) -> None:
        self.count = 0
        self._interval = interval
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def _run(self) -> None:
        while not self._ending.wait(self._interval):
            self.count += 1

    def __enter__(self) -> _Waking:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ending.set()
        self._thread.join()


def processor_ms(code: str, turns: int) -> float:
    """Return the processor time of a program, in milliseconds: the median of some turns."""
    measured = (
        "import resource, subprocess, sys; subprocess.run([sys.executable, '-c', sys.argv[1]], check=True); "
        "used = resource.getrusage(resource.RUSAGE_CHILDREN); print(1000 * (used.ru_utime + used.ru_stime))"
    )
    command = [sys.executable, "-c", measured, code]
    found = [
        float(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
        for _ in range(turns)
    ]
    return median(found)


def _reading_us() -> float:
    from stormlog.capture.collectors.process import ProcessCollector

    return 1000 * _call_ms(ProcessCollector().read, 1000)


def _call_ms(call: Callable[[], object], count: int) -> float:
    call()
    begun = time.process_time()
    for _ in range(count):
        call()
    return 1000 * (time.process_time() - begun) / count


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--events", type=int, default=20_000)
    parser.add_argument("--turns", type=int, default=5)
    parser.add_argument("--peer", type=Path, help="interpreter with stormlog 0.4.3")
    parser.add_argument("--with-peer", action="store_true", help="install stormlog 0.4.3 for that")
    options = parser.parse_args()
    peer = options.peer or (reference_python("0.4.3") if options.with_peer else None)
    pythons = {"": sys.executable, **({} if peer is None else {"stormlog 0.4.3": str(peer)})}
    for program in _PROGRAMS:
        calls = {name: Calls() for name in pythons}
        for _ in range(options.turns):
            for name, python in pythons.items():
                calls[name].take_turn(program, python, options.events)
        for name, found in calls.items():
            print(f"{program + (name and ', ' + name):<26} {found}")
        if peer is not None:
            ratios = map(truediv, calls[""].processor_us, calls["stormlog 0.4.3"].processor_us)
            print(f"{'':<26} {median(ratios):.2f} times the processor time of stormlog 0.4.3")
    print(f"reading of the process     {_reading_us():.1f} us of the processor")
    interval = 0.01
    sample, waking = loop_costs(interval, 2.0, options.turns)
    print(
        f"loop, sampled every 10 ms  {sample:.0f} us of the processor for a sample: {sample / interval / 1e4:.2f} % "
        f"(goal: below 0.5 %), {waking:.0f} us of them for waking"
    )
    nothing = processor_ms("pass", options.turns)
    json_ms = processor_ms("import json", options.turns) - nothing
    print(f"import json                {json_ms:.1f} ms of the processor")
    for name, code in _IMPORTS.items():
        taken = processor_ms(code, options.turns) - nothing
        print(f"{name:<26} {taken:.1f} ms, {taken / json_ms:.1f} times json")


if __name__ == "__main__":
    main()
