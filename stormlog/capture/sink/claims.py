"""One writer for one directory: a claim on the directory that ends with the process."""

from __future__ import annotations

import contextlib
import errno
import os

__all__ = ["DirectoryClaim", "SinkInUseError"]


class SinkInUseError(OSError):
    """Another writer, of this process or another one, writes to the directory."""


class DirectoryClaim:
    """The right to write to a directory, held until `release` or the end of the process.

    Where the file system or operating system knows no locks, everybody gets it.

    Args:
        path: The directory, which is there.

    Raises:
        SinkInUseError: somebody else has it.
        OSError: the directory cannot be opened.
    """

    def __init__(self, path: str) -> None:
        self._descriptor: int | None = None
        try:
            import fcntl
        except ImportError:
            return
        self._descriptor = os.open(path, os.O_RDONLY)
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            self.release()
            if error.errno in (errno.EWOULDBLOCK, errno.EACCES):
                message = f"another writer is writing to {path}; give each process a directory of its own"
                raise SinkInUseError(errno.EBUSY, message) from None

    def release(self) -> None:
        """Give the right back; in a forked child, give up the copy of it."""
        if self._descriptor is not None:
            with contextlib.suppress(OSError):
                os.close(self._descriptor)
            self._descriptor = None
