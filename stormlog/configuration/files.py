"""Finds the configuration file of a directory, and reads it only where its owner may be trusted.

The promise: a file of another user is never read, a pipe never makes the reader wait, and the search does not leave
the repository, the home directory or the file system in which it began.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator

__all__ = ["FILE_NAMES", "files_upwards", "read_file"]

#: Names in each directory, the first one that holds settings counts.
FILE_NAMES = ("stormlog.toml", "pyproject.toml")
#: The ways to write the table ``tool.stormlog``: reading TOML takes longer than looking for them, and most files of
#: this name have none.
_MENTIONED = (
    rb"""(?mx) tool["']?\s*\.\s*["']?stormlog | ^\s*(?:\[\s*["']?tool["']?\s*\]|["']?tool["']?\s*=)"""
)
_MOST_BYTES = 1 << 20
#: A marker of the directory in which a repository begins.
_REPOSITORY = ".git"


def files_upwards(start: str, warnings: list[str]) -> Iterator[tuple[str, bytes]]:
    """Yield path and content of the files that may hold settings, from a directory upwards, the nearest first.

    The search ends, inclusively, with the directory that holds ``.git``, the home directory, or the last directory of
    the file system. A ``pyproject.toml`` without a table ``tool.stormlog`` is left out.

    Args:
        start: The directory, absolute.
        warnings: Gets a sentence for each file that is passed over because of its owner.
    """
    home = os.path.realpath(os.path.expanduser("~"))
    directory = start
    while True:
        for name in FILE_NAMES:
            path = os.path.join(directory, name)
            content = read_file(path, warnings) if os.path.isfile(path) else None
            if content is not None and (name == FILE_NAMES[0] or re.search(_MENTIONED, content)):
                yield path, content
        parent = os.path.dirname(directory)
        if parent == directory or _is_last(directory, parent, home):
            return
        directory = parent


def _is_last(directory: str, parent: str, home: str) -> bool:
    try:
        return (
            os.path.lexists(os.path.join(directory, _REPOSITORY))
            or os.path.realpath(directory) == home
            or os.stat(directory).st_dev != os.stat(parent).st_dev
        )
    except OSError:
        return True


def read_file(path: str, warnings: list[str]) -> bytes | None:
    """Return the content of a file of this user or of root; None, with a warning, for a file of anybody else.

    Raises:
        ValueError: it is no regular file, too large, or the system refuses to read it.
    """
    # Judged by its descriptor: by name it could be exchanged in between.
    flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0)
    try:
        with open(os.open(path, flags), "rb") as file:
            owner = os.fstat(file.fileno()).st_uid
            if hasattr(os, "geteuid") and owner not in (0, os.geteuid()):
                warnings.append(f"{path} belongs to another user (uid {owner}), and is not read")
                return None
            content = file.read(_MOST_BYTES + 1)
    except OSError as error:
        raise ValueError(f"cannot read the configuration {path}: {error.strerror}") from None
    if len(content) > _MOST_BYTES:
        raise ValueError(f"{path} has more than 1 MiB, which no configuration has")
    return content
