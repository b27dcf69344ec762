"""Keys that are pressed while a command draws over its screen.

Promise: what the terminal was set to is set again at the end, and a keyboard that is not there changes nothing.
"""

from __future__ import annotations

import os
import select
import sys
import time
from types import TracebackType
from typing import Any

__all__ = ["Keyboard"]

#: Seconds after which a wait looks whether the terminal has another size.
_STEP_S = 0.25


class Keyboard:
    """Reads single keys from the terminal that stdin is; use it as a context manager.

    Attributes:
        is_there: Whether there is one.
    """

    def __init__(self) -> None:
        self.is_there = False
        self._before: list[Any] | None = None

    def __enter__(self) -> Keyboard:
        try:
            import termios

            descriptor = sys.stdin.fileno()
            if os.isatty(descriptor) and not _is_in_background(descriptor):
                self._before = termios.tcgetattr(descriptor)
                self.is_there = True
                self._read_single_keys()
        except (ImportError, OSError, ValueError):
            self.is_there = False
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._before is not None:
            import termios

            termios.tcsetattr(sys.stdin.fileno(), termios.TCSADRAIN, self._before)

    def wait(self, seconds: float) -> str | None:
        """Wait until a key is pressed, or the terminal gets another size; not longer than somebody reads stdout.

        Args:
            seconds: At most so long.

        Returns:
            The key; ``resize`` where the size changed; None where neither happened.

        Raises:
            BrokenPipeError: nobody reads stdout any more.
        """
        end = time.monotonic() + seconds
        size = _size()
        while (left := end - time.monotonic()) > 0:
            key = self._key(min(left, _STEP_S))
            if key is not None:
                return key
            if _size() != size:
                return "resize"
        return None

    def _key(self, seconds: float) -> str | None:
        stdin, stdout = sys.stdin.fileno() if self.is_there else -1, sys.stdout.fileno()
        waiting = select.poll()
        # Without events to wait for it still tells of errors: a terminal that is gone is one.
        waiting.register(stdout, 0)
        if self.is_there:
            self._read_single_keys()
            waiting.register(stdin, select.POLLIN)
        for descriptor, _ in waiting.poll(seconds * 1000):
            if descriptor == stdout:
                raise BrokenPipeError
            text = os.read(stdin, 32).decode("utf-8", "replace")
            if text:
                return text
            # Its other end is closed.
            self.is_there = False
        return None

    def _read_single_keys(self) -> None:
        """Let keys come without a line end, and unseen; again after a stop, when a shell has set the terminal."""
        import termios

        descriptor = sys.stdin.fileno()
        now = termios.tcgetattr(descriptor)
        if now[3] & (termios.ICANON | termios.ECHO):
            now[3] &= ~(termios.ICANON | termios.ECHO)
            termios.tcsetattr(descriptor, termios.TCSADRAIN, now)


def _is_in_background(descriptor: int) -> bool:
    """Return whether setting a terminal would stop this process."""
    try:
        return os.tcgetpgrp(descriptor) != os.getpgrp()
    except OSError:
        # It is not the terminal that controls it.
        return False


def _size() -> os.terminal_size | None:
    try:
        return os.get_terminal_size(sys.stdout.fileno())
    except (OSError, ValueError):
        return None
