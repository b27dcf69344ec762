"""What a command says on its standard error: passed on as it comes, and its end kept for the record.

Promises: the command writes to a terminal if it wrote to one before; what is kept is bounded, and without the secrets
that are told by their form.

Source: docs/run.md#what-is-kept-of-its-output.
"""

from __future__ import annotations

import contextlib
import os
import re
import threading
from collections.abc import Callable

from stormlog.capture.running.secrets import without_private_keys, without_secrets

__all__ = ["ErrorOutput"]

_CHUNK_BYTES = 1 << 16
_KEPT_BYTES = 1 << 16
_KEPT_LINES = 20
_LONGEST_LINE = 500
#: After the end of the command, others that it started can hold its output open.
_SECONDS_AFTER_END = 1.0

#: All texts by which such failures are told have one of these. Ignoring case would take four times as long.
_MEMORY_WORD = re.compile(rb"emory|EMORY|xhausted|XHAUSTED|lloc")
_ESCAPES = re.compile(r"\x1b\[[0-9;?]*[ -/]*[@-~]|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)?")


class ErrorOutput:
    """The standard error of a command.

    Args:
        target: Descriptor that it is passed on to.
        now_ns: The clock of the session.
    """

    def __init__(self, target: int, now_ns: Callable[[], int]) -> None:
        self._target = target
        self._now_ns = now_ns
        #: When a failure of memory may have been said last; null if none was. The memory of the command can be freed
        #: long before it ends.
        self.memory_ns: int | None = None
        self._kept = bytearray()
        self._thread: threading.Thread | None = None
        self._reader, self.writer = _pipe_like(target)

    def cancel(self) -> None:
        """Close both ends; call instead of `begin`, where the command did not start."""
        os.close(self.writer)
        os.close(self._reader)

    def begin(self) -> None:
        """Pass on what comes; call when the command has its end."""
        os.close(self.writer)
        self._thread = threading.Thread(target=self._pass_on, name="stormlog-stderr", daemon=True)
        self._thread.start()

    def end(self) -> None:
        """Wait until all of it was passed on; call when the command has ended."""
        if self._thread is not None:
            self._thread.join(_SECONDS_AFTER_END)

    @property
    def text(self) -> str:
        """The end of it, without colours: what stands after the last carriage return of each line."""
        text = _ESCAPES.sub("", bytes(self._kept).decode("utf-8", "replace"))
        return "\n".join(line.rstrip("\r").rpartition("\r")[2] for line in text.split("\n"))

    @property
    def last_lines(self) -> list[str]:
        """The last lines that are not blank, shortened and without secrets."""
        lines = [line.rstrip() for line in without_private_keys(self.text).splitlines() if line.strip()]
        return [without_secrets(line)[:_LONGEST_LINE] for line in lines[-_KEPT_LINES:]]

    def _pass_on(self) -> None:
        with contextlib.closing(os.fdopen(self._reader, "rb", buffering=0)):
            self._pass_on_all()

    def _pass_on_all(self) -> None:
        can_write = True
        while True:
            try:
                chunk = os.read(self._reader, _CHUNK_BYTES)
            except OSError:  # A terminal says so that its other end is closed.
                return
            if not chunk:
                return
            if _MEMORY_WORD.search(chunk):
                self.memory_ns = self._now_ns()
            self._kept += chunk
            del self._kept[:-_KEPT_BYTES]
            rest = memoryview(chunk)
            while rest and can_write:
                try:
                    rest = rest[os.write(self._target, rest) :]
                except OSError:
                    # Nobody reads it any more; the command goes on nevertheless.
                    can_write = False


def _pipe_like(target: int) -> tuple[int, int]:
    """Return a descriptor to read and one to write: of a terminal where the target is one, else of a pipe."""
    if os.isatty(target):
        with contextlib.suppress(ImportError, OSError):
            import fcntl
            import pty
            import termios
            import tty

            reader, writer = pty.openpty()
            # Line feeds pass as they are; the outer terminal does with them what it does.
            tty.setraw(writer)
            with contextlib.suppress(OSError):
                size = fcntl.ioctl(target, termios.TIOCGWINSZ, bytes(8))
                fcntl.ioctl(writer, termios.TIOCSWINSZ, size)
            return reader, writer
    return os.pipe()
