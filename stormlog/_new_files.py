"""Writes a file or a directory whole or not at all, and never over another one unless that is wanted.

Promise: until everything is written there is only a temporary file or directory beside the target, which a failure
removes.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from stormlog._opening import OpenedPaths

__all__ = ["new_file", "new_place", "remove_unfinished", "require_writable_target", "sync_path", "sync_tree"]

#: Temporary files and directories that are being written; see `remove_unfinished`.
_unfinished: set[str] = set()


def require_writable_target(path: str, *, replaces: bool, kept: OpenedPaths, is_folder: bool = False) -> None:
    """Refuse a file or a directory that must not be written.

    Args:
        path: The file or the directory.
        replaces: Whether one that is there may be replaced.
        kept: Files and directories in which nothing is written.
        is_folder: Whether it is to be a directory.

    Raises:
        ValueError: it exists already, is of another kind, lies in what is kept or holds some of it, or has no directory
            to lie in.
    """
    folder, name = os.path.split(path)
    if not is_folder and (not name or os.path.isdir(path)):
        raise ValueError(f"{path} is a directory: name a file in it")
    if not os.path.isdir(folder or "."):
        raise ValueError(f"there is no directory {folder}")
    real_path = os.path.join(os.path.realpath(folder or "."), name)
    if kept.hold(real_path) or kept.hold(os.path.realpath(path)):
        raise ValueError(f"{path} lies in the opened paths, where nothing is written; choose another place")
    if is_folder and kept.lie_below(os.path.realpath(path)):
        raise ValueError(f"{path} holds some of the opened paths; choose another place")
    if os.path.lexists(path):
        if is_folder and (os.path.islink(path) or not os.path.isdir(path)):
            raise ValueError(f"{path} is no directory; choose another name")
        if not is_folder and os.path.exists(path) and not os.path.isfile(path):
            raise ValueError(f"{path} is no regular file")
        if not replaces:
            raise _exists(path)


@contextlib.contextmanager
def new_file(path: str, *, replaces: bool, kept: OpenedPaths) -> Iterator[IO[bytes]]:
    """Open a temporary file beside a target, and put it in its place when nothing was raised.

    Args:
        path: The target.
        replaces: As of `require_writable_target`.
        kept: Likewise.

    Raises:
        ValueError: see `require_writable_target`.
        OSError: it cannot be written: rights, a full disk.
    """
    require_writable_target(path, replaces=replaces, kept=kept)
    folder, name = os.path.split(path)
    temporary = os.path.join(folder, f".{name[:100]}.{secrets.token_hex(4)}.tmp")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_CLOEXEC", 0), 0o666)
    _unfinished.add(temporary)
    try:
        with os.fdopen(descriptor, "wb") as stream:
            yield stream
            stream.flush()
            os.fsync(stream.fileno())
        if replaces:
            os.replace(temporary, path)
        else:
            _place(temporary, path)
    finally:
        with contextlib.suppress(OSError):
            os.unlink(temporary)
        _unfinished.discard(temporary)


@contextlib.contextmanager
def new_place(path: str, *, replaces: bool) -> Iterator[str]:
    """Name a place for a file or a directory that somebody else makes, and move it to a target when nothing was raised.

    The place lies in a temporary directory beside the target, so that whatever else is made there, as databases do, is
    gone at the end. What replaces a directory stands there right after that was moved aside.

    Args:
        path: The target. Whether it may be written is for the caller to ask; see `require_writable_target`.
        replaces: Whether what is there may be replaced, a file by a file and a directory by a directory.

    Raises:
        ValueError: somebody has made something of that name meanwhile.
        OSError: it cannot be written: rights, a full disk.
    """
    folder, name = os.path.split(path)
    temporary = os.path.join(folder, f".{name[:100]}.{secrets.token_hex(4)}.tmp")
    Path(temporary).mkdir(0o700)
    _unfinished.add(temporary)
    try:
        place = os.path.join(temporary, name)
        yield place
        sync_tree(place)
        # From here on it may hold what was there before.
        _unfinished.discard(temporary)
        if not os.path.isdir(place):
            os.replace(place, path) if replaces else _place(place, path)
        elif replaces and os.path.lexists(path):
            _swap(place, path, os.path.join(temporary, "replaced"))
        elif os.path.lexists(path):
            raise _exists(path)
        else:
            os.rename(place, path)
        with contextlib.suppress(OSError):
            # It is there, also where the system cannot say that its name is durable.
            sync_path(folder or ".")
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
        _unfinished.discard(temporary)


def sync_tree(path: str | Path) -> None:
    """Make a file, or everything below a directory and itself, durable.

    Raises:
        OSError: the system cannot.
    """
    for parent, _, names in os.walk(path, topdown=False):
        for name in names:
            sync_path(os.path.join(parent, name))
        sync_path(parent)
    if not os.path.isdir(path):
        sync_path(path)


def sync_path(path: str | Path) -> None:
    """Make a file, or the list of names of a directory, durable.

    Raises:
        OSError: the system cannot.
    """
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def remove_unfinished() -> None:
    """Remove temporary files and directories, for a process that ends at once; from any thread."""
    for temporary in list(_unfinished):
        shutil.rmtree(temporary, ignore_errors=True)
        with contextlib.suppress(OSError):
            os.unlink(temporary)


def _swap(place: str, path: str, aside: str) -> None:
    """Put a directory in the place of another one, which is moved aside."""
    os.rename(path, aside)
    try:
        os.rename(place, path)
    except BaseException:
        os.rename(aside, path)
        raise


def _exists(path: str) -> ValueError:
    return ValueError(f"{path} exists already; --force replaces it")


def _place(temporary: str, path: str) -> None:
    """Give a file its name, unless somebody else has made a file of that name meanwhile.

    Raises:
        ValueError: somebody has.
    """
    try:
        os.link(temporary, path)
    except FileExistsError as error:
        raise _exists(path) from error
    except OSError:
        # The file system has no links.
        if os.path.lexists(path):
            raise _exists(path) from None
        os.replace(temporary, path)
