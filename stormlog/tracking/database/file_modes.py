"""Who may read and write the files of a tracker, whatever the umask says.

The promise: a file is never wider than it is to be, not even for a moment, and no copy is wider than its original.
"""

from __future__ import annotations

import contextlib
import os
import stat
from pathlib import Path
from typing import Final

from stormlog.errors import SourceError

__all__ = ["copy_mode", "create_store", "mode_of", "open_beside"]

_PRIVATE: Final = 0o600
#: Mode of a tracker that a group shares.
_SHARED: Final = 0o660


def create_store(path: Path, *, is_shared: bool = False) -> bool:
    """Make an empty file for a tracker, unless there is one: that keeps its mode.

    Args:
        path: The file; a link is followed.
        is_shared: Whether the group may read and write it too; it may in any case where the directory hands its group
            on (its set-group-id bit is set).

    Returns:
        Whether it was made.

    Raises:
        OSError: it cannot be made.
    """
    # A link that leads to nothing exists for `O_EXCL`.
    path = Path(os.path.realpath(path))
    if path.exists():
        return False
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, _PRIVATE)
    except FileExistsError:
        return False
    try:
        is_shared = is_shared or bool(path.parent.stat().st_mode & stat.S_ISGID)
        _set_mode(descriptor, _SHARED if is_shared else _PRIVATE)
    finally:
        os.close(descriptor)
    return True


def _set_mode(descriptor: int, mode: int) -> None:
    if stat.S_IMODE(os.fstat(descriptor).st_mode) != mode:
        # Some file systems keep no modes.
        with contextlib.suppress(OSError):
            os.fchmod(descriptor, mode)


def mode_of(path: str | os.PathLike[str]) -> int:
    """Return who may read, write and execute a file."""
    return stat.S_IMODE(os.stat(path).st_mode) & 0o777


def open_beside(store: Path, suffix: str) -> int:
    """Open a file beside a tracker to read and write; a new one has the mode of the tracker.

    Returns:
        A descriptor.

    Raises:
        SourceError: it cannot be opened.
    """
    path = store.with_name(store.name + suffix)
    flags = os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW
    try:
        try:
            descriptor = os.open(path, flags | os.O_CREAT | os.O_EXCL, _PRIVATE)
        except FileExistsError:
            return os.open(path, flags)
        _set_mode(descriptor, (mode_of(store) if store.exists() else 0) | _PRIVATE)
        return descriptor
    except OSError as error:
        raise SourceError(f"cannot open this lock file: {error.strerror}", path=str(path)) from error


def copy_mode(target: Path, *, original: Path) -> int:
    """Return the mode of a copy: that of its original, and no wider than what it takes the place of."""
    return mode_of(original) & (mode_of(target) if target.exists() else 0o777)
