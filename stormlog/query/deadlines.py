"""A time limit for questions."""

from __future__ import annotations

import threading
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
    stop: Callable[[], None], seconds: float | None, give_up: Callable[[QueryError], None] | None = None
) -> Iterator[None]:
    """Stop the questions inside that take longer.

    Args:
        stop: Makes what runs raise `QueryError`, such as `QueryStore.interrupt`.
        seconds: How long they may take together; None sets no limit.
        give_up: Called with the error, by another thread, if a statement does not come to its end although it was
            stopped: DuckDB evaluates a constant, for example, in one piece.

    Raises:
        QueryError: the time is over.
    """
    if seconds is None:
        yield
        return
    over = QueryError(f"stopped: it took longer than {seconds:g} s", statement="sql")
    done, is_over = threading.Event(), threading.Event()

    def watch() -> None:
        if done.wait(seconds):
            return
        is_over.set()
        waited = 0.0
        while not done.wait(_STEP_S):
            stop()
            waited += _STEP_S
            if give_up is not None and waited > _PATIENCE_S:
                give_up(over)

    watcher = threading.Thread(target=watch, name="stormlog-deadline", daemon=True)
    watcher.start()
    try:
        yield
    except QueryError as error:
        if is_over.is_set():
            raise over from error
        raise
    finally:
        done.set()
        watcher.join()
