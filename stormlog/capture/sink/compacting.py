"""Has another process write the segments of a closed sink as Parquet: by the same command that people use.

Promises: the job waits for it at its end alone, and not for long; the process does not outlive the job; a new writer of
the sink stops it.

Source: docs/capture.md#parquet.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import threading
from collections.abc import Callable
from typing import Any

from stormlog.capture.processes import finish_at_exit, leave_in_child

__all__ = ["start_compaction", "stop_compaction"]

#: Lowest priority: whatever the job still does comes first.
_NICENESS = 19
#: Compaction removes what it has begun when it is told to stop.
_SECONDS_TO_STOP = 5.0
_MOST_ERROR_BYTES = 2000

_running: dict[str, _Compaction] = {}


def start_compaction(directory: str, wait_seconds: float, on_failure: Callable[[str], None] | None) -> None:
    """Have a sink compacted in its place.

    Args:
        directory: The sink, which nobody writes to.
        wait_seconds: How long the end of this process waits for it before it is stopped.
        on_failure: Called with what went wrong, from any thread; None: nobody wants to know.
    """
    stop_compaction(directory)
    _running[directory] = compaction = _Compaction(directory, wait_seconds, on_failure)
    compaction.start()


def stop_compaction(directory: str) -> None:
    """Stop compacting a sink, if this process has begun that, and wait until it has stopped."""
    compaction = _running.pop(directory, None)
    if compaction is not None:
        compaction.stop("stopped for a new session")


class _Compaction:
    def __init__(self, directory: str, wait_seconds: float, on_failure: Callable[[str], None] | None) -> None:
        self._directory = directory
        self._wait_seconds = wait_seconds
        self._on_failure = on_failure
        self._process: Any = None
        self._errors: Any = None
        self._lock = threading.RLock()
        self._is_told = False

    def start(self) -> None:
        # Late: few sinks are compacted.
        import subprocess
        import tempfile

        command = [
            sys.executable,
            "-P",
            "-m",
            "stormlog",
            "compact",
            self._directory,
            "--replace",
            "-q",
            "--threads",
            "1",
        ]
        try:
            # A pipe that nobody reads could hold it up.
            self._errors = tempfile.TemporaryFile()  # noqa: SIM115  It is read when the process has ended.
            self._process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=self._errors
            )
        except (OSError, ValueError) as error:
            self._tell(f"it cannot be started: {error}")
            self._forget()
            return
        with contextlib.suppress(OSError, AttributeError):
            os.setpriority(os.PRIO_PROCESS, self._process.pid, _NICENESS)
        leave_in_child(self)
        finish_at_exit(self)
        # Refused beyond the limit of threads: what went wrong is told at the end then.
        with contextlib.suppress(RuntimeError):
            threading.Thread(target=self._await, name="stormlog-compaction", daemon=True).start()

    def finish(self) -> None:
        """Wait for it at the end of the job, then stop it."""
        if self._process is None:
            return
        import subprocess

        try:
            self._process.wait(self._wait_seconds)
        except subprocess.TimeoutExpired:
            self.stop(f"stopped after {self._wait_seconds:g} s at the end of the job")
        else:
            self._await()

    def stop(self, why: str) -> None:
        """Stop it, if it still runs, and wait until it has stopped."""
        if self._process is None or self._process.poll() is not None:
            return
        import subprocess

        self._tell(why)
        self._process.send_signal(signal.SIGINT)
        try:
            self._process.wait(_SECONDS_TO_STOP)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._forget()

    def leave_to_parent(self) -> None:
        """Do nothing more: this is a forked child, and the process is its parent's."""
        self._process = None
        _running.pop(self._directory, None)

    def _await(self) -> None:
        process = self._process
        if process is None:
            return
        if process.wait() != 0:
            with self._lock:
                if self._errors is None:
                    return
                self._errors.seek(0)
                text = self._errors.read(_MOST_ERROR_BYTES).decode("utf-8", "replace").strip()
            self._tell(text or f"it ended with status {process.returncode}")
        self._forget()

    def _forget(self) -> None:
        with self._lock:
            errors, self._errors = self._errors, None
        if errors is not None:
            errors.close()
        if _running.get(self._directory) is self:
            _running.pop(self._directory, None)

    def _tell(self, problem: str) -> None:
        with self._lock:
            is_told, self._is_told = self._is_told, True
        if not is_told and self._on_failure is not None:
            self._on_failure(f"{self._directory} was not compacted: {problem}")
