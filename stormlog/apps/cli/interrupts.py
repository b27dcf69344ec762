"""Ctrl-C while a statement runs.

The promise: it takes effect at once. The interpreter looks at signals between its own steps only, and the
main thread may be waiting inside DuckDB for threads that work on a join for an hour.
"""

from __future__ import annotations

import os
import select
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

__all__ = ["interruptible"]

_DONE = b"\0"


#: Seconds in which a stopped statement has to come to its end, and between two attempts to stop it.
_PATIENCE_S = 1.0
_STEP_S = 0.1


@contextmanager
def interruptible(stop: Callable[[], None], give_up: Callable[[], None] | None = None) -> Iterator[None]:
    """Call ``stop`` from another thread as soon as SIGINT arrives.

    Args:
        stop: Makes the statement inside fail; the interpreter then raises KeyboardInterrupt.
        give_up: Ends the process; called if the statement does not come to its end: DuckDB looks at interrupts
            between pieces of work, and evaluates a constant, for example, in one piece. None waits for it.
    """
    if threading.current_thread() is not threading.main_thread():
        # Signals are none of its business.
        yield
        return
    ours, theirs = os.pipe()
    os.set_blocking(theirs, False)
    previous = signal.set_wakeup_fd(theirs, warn_on_full_buffer=False)
    watcher = threading.Thread(
        target=_watch, args=(ours, stop, give_up), name="stormlog-interrupts", daemon=True
    )
    watcher.start()
    try:
        yield
    finally:
        signal.set_wakeup_fd(previous)
        os.write(theirs, _DONE)
        watcher.join()
        os.close(ours)
        os.close(theirs)


def _watch(ours: int, stop: Callable[[], None], give_up: Callable[[], None] | None) -> None:
    # The low-level handler writes the numbers of signals, whatever the main thread is doing.
    while (number := os.read(ours, 1)) != _DONE:
        if number[0] != signal.SIGINT:
            continue
        stop()
        deadline = time.monotonic() + _PATIENCE_S
        while give_up is not None and not select.select([ours], [], [], _STEP_S)[0]:
            if time.monotonic() > deadline:
                give_up()
            # The interrupt may have come between two statements.
            stop()
