"""Runs a command once and tells how long it took and how much memory it needed."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

__all__ = ["Sample", "run_once"]

# Linux counts the peak in KiB, macOS in bytes.
_RSS_UNIT = 1 if sys.platform == "darwin" else 1024


@dataclass(frozen=True)
class Sample:
    """One run.

    Attributes:
        wall_seconds: Of the whole process.
        processor_seconds: Of all its threads.
        peak_bytes: Most memory that it held.
        printed: Its standard output.
        was_stopped: Whether it ran longer than it was allowed to.
    """

    wall_seconds: float
    processor_seconds: float
    peak_bytes: int
    printed: str
    was_stopped: bool = False


def run_once(
    command: Sequence[str],
    environment: Mapping[str, str],
    directory: str,
    *,
    most_seconds: float | None = None,
) -> Sample:
    """Run a command to its end.

    Args:
        command: Program and arguments.
        environment: Added to that of this process.
        directory: Working directory, so that a checkout there is not imported by accident.
        most_seconds: After that many it is stopped.

    Raises:
        RuntimeError: it failed; the message ends with what it wrote to stderr.
    """
    with tempfile.TemporaryFile() as output, tempfile.TemporaryFile() as errors:
        started = time.perf_counter()
        process = subprocess.Popen(
            command, stdout=output, stderr=errors, cwd=directory, env={**os.environ, **environment}
        )
        was_stopped = threading.Event()

        def stop() -> None:
            was_stopped.set()
            process.kill()

        timer = threading.Timer(most_seconds or 0, stop)
        if most_seconds is not None:
            timer.start()
        # Not Popen.wait(): only this call tells the peak memory of just this process.
        _, status, usage = os.wait4(process.pid, 0)
        wall = time.perf_counter() - started
        process.returncode = os.waitstatus_to_exitcode(status)
        timer.cancel()
        if process.returncode != 0 and not was_stopped.is_set():
            errors.seek(0)
            tail = errors.read()[-2000:].decode("utf-8", "replace")
            raise RuntimeError(f"{' '.join(command)} ended with {process.returncode}:\n{tail}")
        output.seek(0)
        return Sample(
            wall,
            usage.ru_utime + usage.ru_stime,
            usage.ru_maxrss * _RSS_UNIT,
            output.read().decode("utf-8"),
            was_stopped.is_set(),
        )
