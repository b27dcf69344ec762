"""Makes what a store reads visible and interruptible, for commands that do not open the store themselves."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from stormlog.query import QueryStore

__all__ = ["watching"]


def watching(*, quiet: bool) -> Callable[[QueryStore], AbstractContextManager[None]]:
    """Return what to enter while a store reads.

    Args:
        quiet: Whether to draw no progress.
    """
    from stormlog.apps.cli.interrupts import interruptible
    from stormlog.apps.cli.printing import diagnostics

    @contextmanager
    def watched(store: QueryStore) -> Iterator[None]:
        with diagnostics.progress_bar(store.progress, enabled=not quiet), interruptible(store.interrupt):
            yield

    return watched
