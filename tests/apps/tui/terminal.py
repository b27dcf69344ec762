"""Runs the application as a process on a terminal of its own."""

from __future__ import annotations

import fcntl
import os
import pty
import select
import struct
import subprocess
import termios
import time
from pathlib import Path

from tests.apps.cli.runner import COMMAND

_PATIENCE_S = 60.0


def run_with_keys(
    *arguments: str | Path, when: str, keys: str, size: tuple[int, int] = (24, 80)
) -> tuple[int, str]:
    """Run ``stormlog``, press keys once a text is shown, and wait until it ends.

    Args:
        when: The text.
        keys: What is typed then.
        size: Lines and columns.

    Returns:
        Exit status, and everything that was written to the terminal.
    """
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", *size, 0, 0))
    process = subprocess.Popen(
        [*COMMAND, *map(str, arguments)],
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        env={**os.environ, "TERM": "xterm-256color"},
        start_new_session=True,
    )
    os.close(theirs)
    written, end = bytearray(), time.monotonic() + _PATIENCE_S
    is_typed = False
    try:
        while time.monotonic() < end:
            if not select.select([ours], [], [], 0.05)[0]:
                continue
            try:
                piece = os.read(ours, 1 << 16)
            except OSError:
                # Linux says so when the last process has left the terminal.
                break
            if not piece:
                break
            written += piece
            if not is_typed and when.encode() in written:
                os.write(ours, keys.encode())
                is_typed = True
        else:
            process.kill()
    finally:
        os.close(ours)
    return process.wait(), written.decode("utf-8", "replace")
