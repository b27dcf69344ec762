"""The standard streams, whatever the process was started with.

The promise: descriptors 0, 1 and 2 are open, so that no file that is opened later gets one of these numbers and is
written to by a message.
"""

from __future__ import annotations

import os
import sys
from typing import Any

__all__ = ["discard", "open_closed_streams"]


def open_closed_streams() -> None:
    """Open the null device in the place of each standard stream that is closed; call it before any file is opened."""
    for descriptor, name, mode in ((0, "stdin", "r"), (1, "stdout", "w"), (2, "stderr", "w")):
        if not _is_open(descriptor):
            _open_null(descriptor)
        if getattr(sys, name) is None:
            stream = open(descriptor, mode, encoding="utf-8", errors="backslashreplace", closefd=False)  # noqa: SIM115
            setattr(sys, name, stream)


def discard(stream: Any) -> None:
    """Send the rest of a stream nowhere, so that the interpreter does not trip over it at exit."""
    try:
        descriptor = stream.fileno()
    except (OSError, ValueError):
        return
    _open_null(descriptor)


def _is_open(descriptor: int) -> bool:
    try:
        os.fstat(descriptor)
    except OSError:
        return False
    return True


def _open_null(descriptor: int) -> None:
    null = os.open(os.devnull, os.O_RDWR)
    if null != descriptor:
        os.dup2(null, descriptor)
        os.close(null)
