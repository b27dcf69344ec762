"""Writes a file whole or not at all, and never over another one unless that is wanted.

Promise: until everything is written there is only a temporary file beside the target, which a failure removes.
"""

from __future__ import annotations

import contextlib
import os
import secrets
from collections.abc import Iterator
from typing import IO

from stormlog._opening import OpenedPaths

__all__ = ["new_file", "remove_unfinished", "require_writable_target"]

#: Temporary files that are being written; see `remove_unfinished`.
_unfinished: set[str] = set()


def require_writable_target(path: str, *, replaces: bool, kept: OpenedPaths) -> None:
    """Refuse a file that must not be written.

    Args:
        path: The file.
        replaces: Whether a file that is there may be replaced.
        kept: Files and directories in which nothing is written.

    Raises:
        ValueError: it exists already, is no regular file, lies in what is kept, or has no directory to lie in.
    """
    folder, name = os.path.split(path)
    if not name or os.path.isdir(path):
        raise ValueError(f"{path} is a directory: name a file in it")
    if not os.path.isdir(folder or "."):
        raise ValueError(f"there is no directory {folder}")
    if os.path.lexists(path):
        if os.path.exists(path) and not os.path.isfile(path):
            raise ValueError(f"{path} is no regular file")
        if not replaces:
            raise ValueError(f"{path} exists already; --force replaces it")
    real_path = os.path.join(os.path.realpath(folder or "."), name)
    if kept.hold(real_path) or kept.hold(os.path.realpath(path)):
        raise ValueError(f"{path} lies in the opened paths, where nothing is written; choose another place")


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


def remove_unfinished() -> None:
    """Remove temporary files, for a process that ends at once; from any thread."""
    for temporary in list(_unfinished):
        with contextlib.suppress(OSError):
            os.unlink(temporary)


def _place(temporary: str, path: str) -> None:
    """Give a file its name, unless somebody else has made a file of that name meanwhile.

    Raises:
        ValueError: somebody has.
    """
    try:
        os.link(temporary, path)
    except FileExistsError as error:
        raise ValueError(f"{path} exists already; --force replaces it") from error
    except OSError:
        # The file system has no links.
        if os.path.lexists(path):
            raise ValueError(f"{path} exists already; --force replaces it") from None
        os.replace(temporary, path)
