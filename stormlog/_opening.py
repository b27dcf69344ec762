"""Opens artifacts: the one way by which Stormlog reads files that training jobs have written.

The promise: only regular files inside the opened paths are handed out, and no pipe or device makes a reader wait.
A file is judged by its descriptor, after it was opened, so that nobody can put another in its place in between.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterable
from typing import IO

__all__ = ["OpenedPaths", "RefusedFileError", "describe_special", "open_artifact", "read_artifact"]

#: Asks nothing of a terminal, does not wait for the other end of a pipe, is closed in child processes.
_FLAGS = (
    getattr(os, "O_NONBLOCK", 0)
    | getattr(os, "O_NOCTTY", 0)
    | getattr(os, "O_CLOEXEC", 0)
    | getattr(os, "O_BINARY", 0)
)
#: Linux says here which file a descriptor stands for.
_DESCRIPTORS = "/proc/self/fd"
_DELETED = " (deleted)"


class RefusedFileError(OSError):
    """A file that is there but is not read; ``strerror`` says why."""

    def __init__(self, path: str, reason: str) -> None:
        super().__init__(errno.EINVAL, reason, path)


class OpenedPaths:
    """The files and directories that a caller opened; links may lead anywhere inside them.

    Args:
        real_paths: The paths, absolute and without links.
    """

    def __init__(self, real_paths: Iterable[str]) -> None:
        self._paths = tuple(dict.fromkeys(real_paths))
        self._folders = tuple(path if path.endswith(os.sep) else path + os.sep for path in self._paths)

    def also(self, real_paths: Iterable[str]) -> OpenedPaths:
        """Return these paths and some more."""
        return OpenedPaths((*self._paths, *real_paths))

    def hold(self, real_path: str) -> bool:
        """Return whether a file or directory, given without links, is one of them or lies below one."""
        return real_path.startswith(self._folders) or real_path in self._paths

    def lie_below(self, real_path: str) -> bool:
        """Return whether one of them lies below a directory, given without links."""
        folder = real_path if real_path.endswith(os.sep) else real_path + os.sep
        return any(path.startswith(folder) for path in self._paths)


def describe_special(mode: int) -> str:
    """Return what a file is that is no regular file, by its mode: ``a pipe``, ``a directory``, ..."""
    for is_kind, name in (
        (stat.S_ISDIR, "a directory"),
        (stat.S_ISFIFO, "a pipe"),
        (stat.S_ISSOCK, "a socket"),
        (stat.S_ISCHR, "a device"),
        (stat.S_ISBLK, "a device"),
    ):
        if is_kind(mode):
            return name
    return "neither a file nor a directory"


def open_artifact(
    path: str, opened: OpenedPaths | None = None, *, most_bytes: int | None = None
) -> IO[bytes]:
    """Open an artifact for reading.

    Args:
        path: The file.
        opened: What it has to lie in, links followed; None where the caller named this very file.
        most_bytes: Size from which on it is refused.

    Raises:
        RefusedFileError: it is no regular file, lies outside, or is too large.
        OSError: the system refuses to open it.
    """
    stream = open(path, "rb", opener=_open_without_waiting)  # noqa: SIM115
    try:
        found = os.fstat(stream.fileno())
        _require_regular(path, found.st_mode)
        if opened is not None and not _lies_in(path, stream.fileno(), found, opened):
            raise RefusedFileError(path, "it leads out of the opened paths")
        if most_bytes is not None and found.st_size > most_bytes:
            raise _too_large(path, most_bytes)
    except BaseException:
        stream.close()
        raise
    return stream


def read_artifact(path: str, opened: OpenedPaths | None = None, *, most_bytes: int) -> bytes:
    """Return the content of an artifact; arguments and errors are those of `open_artifact`.

    Never more than ``most_bytes`` are read, whatever the system says about the size.
    """
    with open_artifact(path, opened, most_bytes=most_bytes) as stream:
        blocks, left = [], most_bytes + 1
        while left > 0 and (block := stream.read(min(left, _BLOCK_BYTES))):
            blocks.append(block)
            left -= len(block)
    if left <= 0:
        raise _too_large(path, most_bytes)
    return b"".join(blocks)


_BLOCK_BYTES = 1 << 22


def _open_without_waiting(path: str, flags: int) -> int:
    # Opening a pipe or a device can be noticed at its other end, so this is asked first as well.
    _require_regular(path, os.stat(path).st_mode)
    return os.open(path, flags | _FLAGS)


def _require_regular(path: str, mode: int) -> None:
    if stat.S_ISDIR(mode):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), path)
    if not stat.S_ISREG(mode):
        raise RefusedFileError(path, f"it is {describe_special(mode)}")


def _lies_in(path: str, descriptor: int, found: os.stat_result, opened: OpenedPaths) -> bool:
    try:
        real_path = os.readlink(f"{_DESCRIPTORS}/{descriptor}")  # noqa: PTH115
    except OSError:
        real_path = ""
    if real_path.endswith(_DELETED) and found.st_nlink == 0:
        real_path = real_path.removesuffix(_DELETED)
    if opened.hold(real_path):
        return True
    # Elsewhere the path is followed once more, and has to lead to the file that was opened.
    real_path = os.path.realpath(path)
    try:
        again = os.stat(real_path, follow_symlinks=False)
    except OSError:
        return False
    return opened.hold(real_path) and os.path.samestat(again, found)


def _too_large(path: str, most_bytes: int) -> RefusedFileError:
    return RefusedFileError(path, f"it has more than {most_bytes >> 20} MiB")
