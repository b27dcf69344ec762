"""A folder for readable copies of files, and names for files that DuckDB cannot name."""

from __future__ import annotations

import contextlib
import os
import tempfile
from pathlib import Path

from stormlog.query.origins import PACKED_SUFFIXES, FileOrigin
from stormlog.query.texts import GLOB_CHARACTERS, is_storable

__all__ = ["Scratch"]

_COPY_BYTES = 1 << 20


class Scratch:
    """A temporary folder; it is removed by `close`, or with the object.

    Args:
        parent: Where to make it; by default the system's temporary directory.

    Raises:
        OSError: it cannot be made there.
    """

    def __init__(self, parent: str | None = None) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="stormlog-", dir=parent)
        self.path = self._folder.name
        self._copies: list[str] = []

    def close(self) -> None:
        """Remove the folder."""
        self._folder.cleanup()

    def member(self, name: str) -> str:
        """Return the path of a file in the folder."""
        return os.path.join(self.path, name)

    def copy_named(self, name: str) -> str:
        """Return the path of a copy that nobody needs after the next `remove_copies`."""
        self._copies.append(self.member(name))
        return self._copies[-1]

    def remove_copies(self) -> None:
        """Remove the copies made so far: a store that follows its files would fill the disk with them."""
        for path in self._copies:
            with contextlib.suppress(OSError):
                os.unlink(path)
        self._copies.clear()

    def spelling(self, origin: FileOrigin, piece_id: int) -> str:
        """Return a path that means this file, and nothing else, to DuckDB."""
        path = origin.path
        if not is_storable(path):
            # The database cannot name such a file: the scan stops, and its repair makes a copy.
            return self.member(f"{piece_id}-unnamable")
        is_packed_oddly = path.lower().endswith(PACKED_SUFFIXES) and not path.endswith(PACKED_SUFFIXES)
        if GLOB_CHARACTERS.isdisjoint(path) and not is_packed_oddly:
            return path
        link = self.member(f"{piece_id}-{origin.plain_name}")
        if not os.path.lexists(link):
            Path(link).symlink_to(os.path.abspath(path))
        return link

    def copy_range(self, path: str, start: int, end: int, name: str) -> str:
        """Copy some bytes of a file, as far as they exist.

        Raises:
            OSError: the file cannot be read.
        """
        copy = self.copy_named(name)
        with open(path, "rb", buffering=0) as source, open(copy, "wb") as target:
            source.seek(start)
            left = end - start
            while left > 0 and (block := source.read(min(left, _COPY_BYTES))):
                target.write(block)
                left -= len(block)
        return copy
