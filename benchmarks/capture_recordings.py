"""Recordings of every kind that `stormlog.capture` makes: ``python -m benchmarks.capture_recordings DIRECTORY``.

Each is a directory of its own, small and made in well under a second: what is compared is how readers take them.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from stormlog.capture import (
    FlightRecorderOptions,
    MemoryCapabilities,
    MemoryReading,
    MemoryTracker,
    SinkOptions,
    find_identity,
    run_command,
)

__all__ = ["RECORDINGS", "record"]

_GIB = 1024**3
_NEVER = 3600.0
_TICK = 0.005


class _Device:
    """A device of 80 GiB whose memory a recording sets."""

    backend = "cuda"
    sampling_source = "a recording"
    name = "stormlog.cuda_tracker"

    def __init__(self, *, knows_allocator: bool = True) -> None:
        self.allocated: int | None = _GIB
        self.reserved = 2 * _GIB
        self.outside = _GIB
        self.capabilities = MemoryCapabilities(
            allocated=knows_allocator, reserved=knows_allocator, active=False, inactive=False, used=True, free=True,
            total=True, fragmentation=knows_allocator, attribution=knows_allocator,
        )  # fmt: skip

    def read(self) -> MemoryReading:
        if self.allocated is None:
            raise RuntimeError("NVML: the driver is gone (0x7f3a)")
        used = self.reserved + self.outside
        known = (
            {"allocated": self.allocated, "reserved": self.reserved} if self.capabilities.allocated else {}
        )
        return MemoryReading(0, **known, used=used, free=80 * _GIB - used, total=80 * _GIB)

    def close(self) -> None:
        """Nothing is held."""


def _until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 30
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError("a recording takes too long")
        time.sleep(_TICK / 4)


def _types(tracker: MemoryTracker) -> list[str]:
    recorder = tracker.recorder
    return [] if recorder is None else [str(event["event_type"]) for event in recorder.events]


def _everything(place: Path, *, knows_allocator: bool) -> None:
    """Phases, alerts, a collector that fails and recovers, and a failure with its bundle."""
    device = _Device(knows_allocator=knows_allocator)
    tracker = MemoryTracker(
        place,
        interval=_TICK,
        collector=device,
        app="lm",
        code_version="1.2.0",
        environment="dev",
        job_id="job-1",
    )
    with contextlib.suppress(RuntimeError), tracker:
        with tracker.phase("train", {"epoch": 1}), tracker.phase("forward"):
            device.allocated, device.reserved = 60 * _GIB, 66 * _GIB
            _until(lambda: "warning" in _types(tracker))
        with tracker.phase("train"), tracker.phase("backward"):
            device.reserved = 78 * _GIB
            _until(lambda: "critical" in _types(tracker))
            device.allocated = None
            _until(lambda: "collector_degraded" in _types(tracker))
            device.allocated = 70 * _GIB
            _until(lambda: "collector_recovered" in _types(tracker))
            raise RuntimeError("CUDA out of memory. Tried to allocate 5.50 GiB. GPU 0 has 79.2 GiB")


def _drift(place: Path) -> None:
    """Memory outside the allocator that grows."""
    device = _Device()
    with MemoryTracker(place, interval=_TICK, collector=device, alerts=None) as tracker:
        for step in range(60):
            device.outside = _GIB + step * _GIB // 4
            seen = len(_types(tracker))
            _until(lambda seen=seen: len(_types(tracker)) > seen)  # type: ignore[misc]


def _ranks(place: Path) -> None:
    """Two ranks of a job, one after the other, below one directory."""
    for rank in range(2):
        tracker = MemoryTracker(
            place,
            interval=_NEVER,
            collector=_Device(),
            rank=rank,
            world_size=2,
            local_rank=rank,
            job_id="job-2",
        )
        with contextlib.suppress(MemoryError), tracker, tracker.phase("step"):
            if rank == 1:
                raise MemoryError


def _threads_and_rollover(place: Path) -> None:
    """More segments than are kept, and phases of several threads."""
    import threading

    options = SinkOptions(rollover_max_events=10, flush_every_events=5, retention_max_files=3, fsync="never")
    with MemoryTracker(place, interval=_NEVER, collector=_Device(), sink_options=options) as tracker:

        def work(name: str) -> None:
            for _ in range(8):
                with tracker.phase(name), tracker.phase("inner"):
                    pass
                tracker.flush()

        threads = [threading.Thread(target=work, args=(f"worker-{number}",)) for number in range(3)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()


def _bundle_elsewhere(place: Path) -> None:
    """A bundle that is not in the sink, and a sink that is not written."""
    oom = FlightRecorderOptions(directory=str(place / "dumps"))
    with MemoryTracker(None, interval=_NEVER, collector=_Device(), oom=oom) as tracker:
        tracker.record_oom(RuntimeError("HIP out of memory"), context="step", metadata={"batch": 8})


def _killed(place: Path) -> None:
    """A process that is killed in a phase."""
    child = os.fork()
    if child == 0:
        tracker = MemoryTracker(place, interval=_NEVER, collector=_Device())
        tracker.start()
        tracker.enter_phase("train")
        tracker.flush()
        os.kill(os.getpid(), signal.SIGKILL)
    os.waitpid(child, 0)


def _killed_and_started_again(place: Path) -> None:
    """A process that is killed, and the next one in the same sink."""
    _killed(place)
    with MemoryTracker(place, interval=_NEVER, collector=_Device()):
        pass


def _process(place: Path) -> None:
    """This process itself, as it is recorded without a device."""
    with MemoryTracker(place, interval=_TICK, collector="process") as tracker, tracker.phase("work"):
        _until(lambda: _types(tracker).count("sample") > 3)


def _wrapped(place: Path, code: str) -> None:
    with _silent():
        run_command(
            [sys.executable, "-c", code], sink=str(place), interval=0.02, identity=find_identity(app="lm")
        )


@contextlib.contextmanager
def _silent() -> Iterator[None]:
    """Send what a command says to nowhere: its stderr is passed on."""
    kept, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    try:
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)


def _by_former_names(place: Path) -> None:
    """The names and arguments of stormlog 0.4.3."""
    from stormlog import CPUMemoryTracker
    from stormlog.telemetry_sink import TelemetrySinkConfig

    tracker = CPUMemoryTracker(
        sampling_interval=_TICK, telemetry_sink_config=TelemetrySinkConfig(root_dir=place / "sink")
    )
    tracker.start_tracking()
    with tracker.phase("train", metadata={"epoch": 1}):
        _until(lambda: bool(tracker.get_events("sample")))
    tracker.stop_tracking()
    tracker.export_events(str(place / "track.csv"))


RECORDINGS: dict[str, Callable[[Path], None]] = {
    "device": lambda place: _everything(place, knows_allocator=True),
    "device without allocator": lambda place: _everything(place, knows_allocator=False),
    "drift": _drift,
    "ranks": _ranks,
    "threads and rollover": _threads_and_rollover,
    "bundle alone": _bundle_elsewhere,
    "killed": _killed,
    "killed and started again": _killed_and_started_again,
    "process": _process,
    "run": lambda place: _wrapped(place, "pass"),
    "run that fails": lambda place: _wrapped(place, "raise MemoryError"),
    "run that is killed": lambda place: _wrapped(place, "import os; os.kill(os.getpid(), 9)"),
    "by former names": _by_former_names,
}


def record(name: str, folder: Path) -> Path:
    """Make one recording.

    Args:
        name: Of `RECORDINGS`.
        folder: Where recordings lie.

    Returns:
        Its directory.
    """
    place = folder / name.replace(" ", "-")
    place.mkdir(parents=True)
    RECORDINGS[name](place)
    return place


def main() -> None:
    """Make all recordings."""
    for name in RECORDINGS:
        print(record(name, Path(sys.argv[1])))


if __name__ == "__main__":
    main()
