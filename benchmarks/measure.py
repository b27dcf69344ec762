"""Runs a command once and tells how long it took and how much memory it needed."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

__all__ = ["Sample", "run_once"]

# Linux counts the peak in KiB, macOS in bytes.
_RSS_UNIT = 1 if sys.platform == "darwin" else 1024


@dataclass(frozen=True)
class Sample:
    """One run: seconds of the whole process, its peak memory in bytes, and what it printed."""

    wall_seconds: float
    peak_bytes: int
    printed: str


def run_once(command: Sequence[str], environment: Mapping[str, str], directory: str) -> Sample:
    """Run a command to its end.

    Args:
        command: Program and arguments.
        environment: Added to that of this process.
        directory: Working directory, so that a checkout there is not imported by accident.

    Raises:
        RuntimeError: it failed; the message ends with what it wrote to stderr.
    """
    with tempfile.TemporaryFile() as output, tempfile.TemporaryFile() as errors:
        started = time.perf_counter()
        process = subprocess.Popen(
            command, stdout=output, stderr=errors, cwd=directory, env={**os.environ, **environment}
        )
        # Not Popen.wait(): only this call tells the peak memory of just this process.
        _, status, usage = os.wait4(process.pid, 0)
        wall = time.perf_counter() - started
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode != 0:
            errors.seek(0)
            tail = errors.read()[-2000:].decode("utf-8", "replace")
            raise RuntimeError(f"{' '.join(command)} ended with {process.returncode}:\n{tail}")
        output.seek(0)
        return Sample(wall, usage.ru_maxrss * _RSS_UNIT, output.read().decode("utf-8"))
