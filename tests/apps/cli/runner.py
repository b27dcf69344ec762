"""Runs the command line inside this process, or as a process of its own, as a user would."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import io
import os
import pty
import re
import select
import signal
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from stormlog.apps.cli.app import run

#: What ``stormlog`` stands for in a process of its own.
COMMAND = [sys.executable, "-m", "stormlog"]

_CLEARED = re.compile("\r[^\r\n]*(?=\r)|\r\x1b\\[K")
_STYLES = re.compile("\x1b\\[[0-9;?]*[A-Za-z]")


@dataclass(frozen=True)
class Outcome:
    """What a command left behind."""

    status: int
    stdout: str
    stderr: str


def stormlog(*arguments: str | Path) -> Outcome:
    """Run one command line in this process, stdout and stderr not being terminals."""
    out, err = (io.TextIOWrapper(io.BytesIO(), encoding="utf-8", newline="\n") for _ in range(2))
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        status = run([str(argument) for argument in arguments])
        out.flush()
        err.flush()
    # Bytes, because the line ends of CSV count.
    texts = [stream.buffer.getvalue().decode("utf-8", "surrogatepass") for stream in (out, err)]
    return Outcome(int(status), *texts)


def on_terminal(
    *arguments: str | Path,
    width: int = 100,
    interrupt_after_s: float | None = None,
    when_shown: Mapping[str, Callable[[], object]] | None = None,
    keys: Mapping[str, bytes] | None = None,
    environment: dict[str, str] | None = None,
    command: list[str] | None = None,
) -> tuple[int, str]:
    """Run ``stormlog`` on a terminal of its own.

    Args:
        width: Columns of the terminal.
        interrupt_after_s: When to press Ctrl-C, counted from the start or from the last call of ``when_shown``.
        when_shown: What to call once the terminal shows a text, by that text.
        keys: What to type once the terminal shows a text, likewise.
        environment: More variables.
        command: What to run in place of ``stormlog``.

    Returns:
        Exit status and everything the terminal showed, stdout and stderr together.
    """
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 40, width, 0, 0))
    variables = {name: text for name, text in os.environ.items() if name not in ("COLUMNS", "NO_COLOR")}
    process = subprocess.Popen(
        [*(command or COMMAND), *map(str, arguments)],
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        env={**variables, "TERM": "xterm-256color", **(environment or {})},
    )
    os.close(theirs)
    shown = bytearray()
    waiting = dict(when_shown or {})
    for text, typed in (keys or {}).items():
        waiting[text] = partial(os.write, ours, typed)
    started = time.monotonic()
    while True:
        is_due = interrupt_after_s is not None and time.monotonic() - started > interrupt_after_s
        if is_due and not waiting:
            process.send_signal(signal.SIGINT)
            interrupt_after_s = None
        if not select.select([ours], [], [], 0.02)[0]:
            continue
        try:
            piece = os.read(ours, 1 << 16)
        except OSError as error:
            # Linux says so when the last process has left the terminal.
            assert error.errno == errno.EIO
            break
        if not piece:
            break
        shown += piece
        for text in [text for text in waiting if text.encode() in shown]:
            waiting.pop(text)()
            started = time.monotonic()
    os.close(ours)
    return process.wait(), shown.decode("utf-8").replace("\r\n", "\n")


def without_styles(text: str) -> str:
    """Return text without colours and cursor movements, and without a progress bar that was cleared."""
    return _STYLES.sub("", _CLEARED.sub("", text))
