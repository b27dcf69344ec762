"""One scanner at a time for each tracker."""

from __future__ import annotations

import contextlib
import fcntl
import os
import time
from collections.abc import Iterator
from pathlib import Path

from stormlog.errors import SourceError, StoreBusyError
from stormlog.tracking.database.file_modes import open_beside

__all__ = ["scan_lock"]

_STEP_S = 0.1


@contextlib.contextmanager
def scan_lock(store: Path, *, wait_s: float = 0.0) -> Iterator[None]:
    """Hold the lock file beside a store; a process that dies lets go of it.

    Args:
        store: The tracker file.
        wait_s: How long to wait for another scan.

    Raises:
        SourceError: the lock file cannot be made or opened.
        StoreBusyError: another scan runs; the message names its process.
    """
    descriptor = open_beside(store, ".scan.lock")
    try:
        until = time.monotonic() + wait_s
        while True:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() >= until:
                    raise _busy(store, descriptor) from None
                time.sleep(_STEP_S)
            except OSError as error:
                # Some network file systems have no locks.
                raise SourceError(f"cannot lock this tracker: {error}", path=str(store)) from error
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
        yield
    finally:
        os.close(descriptor)


def _busy(store: Path, descriptor: int) -> StoreBusyError:
    owner = os.pread(descriptor, 32, 0).decode(errors="replace").strip()
    process = int(owner) if owner.isdecimal() else None
    who = "another process" if process is None else f"process {process}"
    return StoreBusyError(
        f"{who} scans into {store} already; wait for it with --wait",
        details={"path": str(store), "process": process},
    )
