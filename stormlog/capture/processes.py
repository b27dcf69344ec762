"""What becomes of what writes telemetry when its process forks or ends.

Promise: a forked child waits for no lock that a thread of its parent held, and writes nothing that is its parent's.
"""

from __future__ import annotations

import atexit
import contextlib
import os
from typing import Protocol
from weakref import WeakSet

__all__ = ["finish_at_exit", "flush_at_exit", "leave_in_child", "occupy_standard_descriptors"]


class _Leaves(Protocol):
    def leave_to_parent(self) -> None: ...


class _Flushes(Protocol):
    def flush(self) -> None: ...


class _Finishes(Protocol):
    def finish(self) -> None: ...


_leaving: WeakSet[_Leaves] = WeakSet()
_flushing: WeakSet[_Flushes] = WeakSet()
_finishing: WeakSet[_Finishes] = WeakSet()


def leave_in_child(item: _Leaves) -> None:
    """Have an object told, in every child that is forked from this process, to leave everything to its parent."""
    _leaving.add(item)


def flush_at_exit(item: _Flushes) -> None:
    """Have an object write what waits when this process ends."""
    _flushing.add(item)


def finish_at_exit(item: _Finishes) -> None:
    """Have an object end what it has begun when this process ends, after all that is written."""
    _finishing.add(item)


def occupy_standard_descriptors() -> None:
    """Have those of standard input, output and error that are closed lead nowhere, in this process alone.

    The next file that is opened would get their number, and what a library says to standard error would be written into
    it.
    """
    for descriptor in range(3):
        try:
            os.fstat(descriptor)
        except OSError:
            # The lowest free one; programs that are started find it closed, as it was.
            with contextlib.suppress(OSError):
                os.open(os.devnull, os.O_RDWR)


def _leave_all() -> None:
    for item in list(_leaving):
        item.leave_to_parent()
    _leaving.clear()
    _flushing.clear()
    _finishing.clear()


def _flush_all() -> None:
    for item in list(_flushing):
        item.flush()
    for begun in list(_finishing):
        begun.finish()


atexit.register(_flush_all)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_leave_all)
