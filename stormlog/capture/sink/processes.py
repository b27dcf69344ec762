"""What becomes of writers when their process forks or ends."""

from __future__ import annotations

import atexit
import os
from typing import TYPE_CHECKING
from weakref import WeakSet

if TYPE_CHECKING:
    from stormlog.capture.sink.writer import SinkWriter

__all__ = ["close_in_this_process"]

_writers: WeakSet[SinkWriter] = WeakSet()


def close_in_this_process(writer: SinkWriter) -> None:
    """Have a writer write what waits when this process ends, and do nothing in a child that is forked from it.

    A session that nobody closed stays as running: its next writer marks it as interrupted.
    """
    _writers.add(writer)


def _flush_all() -> None:
    for writer in list(_writers):
        writer.flush()


def _leave_all_to_parent() -> None:
    for writer in list(_writers):
        writer._leave_to_parent()
    _writers.clear()


atexit.register(_flush_all)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_leave_all_to_parent)
