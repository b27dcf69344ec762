"""A lock that says that somebody uses an index, so that nobody removes what they read."""

from __future__ import annotations

import os

try:
    import fcntl
except ImportError:  # pragma: no cover - without such locks nothing is ever swept
    fcntl = None  # type: ignore[assignment]

__all__ = ["ReaderLock"]


class ReaderLock:
    """Shared among all who use an index; whoever holds it alone may remove what the index file does not name."""

    #: Kept here because modules may be gone when an object is that nobody closed.
    _close = staticmethod(os.close)

    def __init__(self) -> None:
        self._handle: int | None = None

    def take(self, path: str) -> bool:
        """Take the lock, and say whether it is held by nobody else.

        Raises:
            OSError: the file cannot be opened.
        """
        self._handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        if fcntl is None:
            return False
        try:
            fcntl.flock(self._handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            self.share()
            return False
        return True

    def try_alone(self) -> bool:
        """Say whether nobody else uses the index; if so, nobody can from now on."""
        if fcntl is None or self._handle is None:
            return False
        try:
            fcntl.flock(self._handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            return False
        return True

    def share(self) -> None:
        """Let others use the index too."""
        if fcntl is not None and self._handle is not None:
            try:
                fcntl.flock(self._handle, fcntl.LOCK_SH)
            except OSError:
                # A file system without locks: nobody sweeps there either.
                return

    def __del__(self) -> None:
        self.release()

    def release(self) -> None:
        """Give the lock back; more than once is fine."""
        if self._handle is not None:
            self._close(self._handle)
            self._handle = None
