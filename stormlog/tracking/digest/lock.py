"""One process at a time sends the messages of a tracker.

The promise: whatever the clocks of several hosts say, no message is sent by two of them at once.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import Iterator
from pathlib import Path

from stormlog.errors import SourceError
from stormlog.tracking.database.file_modes import open_beside

__all__ = ["delivery_lock"]


@contextlib.contextmanager
def delivery_lock(store: Path) -> Iterator[bool]:
    """Hold the lock file beside a store, and tell whether it was free; a process that dies lets go of it.

    Args:
        store: The tracker file; one that is not there, as of a copy in memory, needs no lock.

    Raises:
        SourceError: the lock file cannot be made, opened or locked.
    """
    if not store.exists():
        yield True
        return
    descriptor = open_beside(store, ".notify.lock")
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            is_free = True
        except BlockingIOError:
            is_free = False
        except OSError as error:
            # Some network file systems have no locks.
            raise SourceError(f"cannot lock this tracker: {error}", path=str(store)) from error
        yield is_free
    finally:
        os.close(descriptor)
