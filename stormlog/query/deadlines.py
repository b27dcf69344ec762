"""A time limit for questions."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from stormlog.errors import QueryError

__all__ = ["deadline"]

#: Seconds between two attempts to stop what runs: one may come between two statements.
_STEP_S = 0.05
#: Seconds in which a stopped statement has to come to its end.
_PATIENCE_S = 2.0


@contextmanager
def deadline(
    stop: Callable[[], None],
    seconds: float | None,
    give_up: Callable[[QueryError], None] | None = None,
    cancelled: threading.Event | None = None,
) -> Iterator[None]:
    """Stop the questions inside that take longer, or that nobody waits for any more.

    Args:
        stop: Makes what runs raise `QueryError`, such as `QueryStore.interrupt`.
        seconds: How long they may take together; None sets no limit.
        give_up: Called with the error, by another thread, if a statement does not come to its end although it was
            stopped: DuckDB evaluates a constant, for example, in one piece.
        cancelled: Whoever sets it waits no more.

    Raises:
        QueryError: the time is over, or it was cancelled.
    """
    if seconds is None and cancelled is None:
        yield
        return
    done = threading.Event()
    why: list[QueryError] = []

    def reason() -> str | None:
        """Return why it is stopped, once it is."""
        until = None if seconds is None else time.monotonic() + seconds
        # Who may cancel is looked at again and again.
        while not done.wait(seconds if cancelled is None else _STEP_S):
            if cancelled is not None and cancelled.is_set():
                return "it was cancelled"
            if cancelled is None or (until is not None and time.monotonic() >= until):
                return f"it took longer than {seconds:g} s"
        return None

    def watch() -> None:
        found = reason()
        if found is None:
            return
        why.append(QueryError(f"stopped: {found}", statement="sql"))
        waited = 0.0
        while not done.wait(_STEP_S):
            stop()
            waited += _STEP_S
            if give_up is not None and waited > _PATIENCE_S:
                give_up(why[0])

    watcher = threading.Thread(target=watch, name="stormlog-deadline", daemon=True)
    watcher.start()
    try:
        yield
    except QueryError as error:
        if why:
            raise why[0] from error
        raise
    finally:
        done.set()
        watcher.join()
