"""Opens the files of a store, and keeps a folder for readable copies of them.

Promise: only files inside the opened paths are opened, and a copy never takes more room than the limit allows.
"""

from __future__ import annotations

import contextlib
import os
import tempfile
from pathlib import Path
from typing import IO

from stormlog._opening import OpenedPaths, open_artifact
from stormlog._storable_text import GLOB_CHARACTERS, is_storable
from stormlog.artifacts.event_files import FileOrigin
from stormlog.engine.database.unpack_limit import UnpackLimit
from stormlog.engine.reading.unpacking import DamagedArchiveError, unpacked_blocks

__all__ = ["TemporaryFiles"]

_COPY_BYTES = 1 << 20


class TemporaryFiles:
    """A temporary folder; it is removed by `close`, or with the object.

    Args:
        parent: Where to make it; by default the system's temporary directory.
        opened: What files have to lie in to be opened; None for anything.
        unpack_limit: How much a packed file may hold.

    Raises:
        OSError: it cannot be made there.
    """

    def __init__(
        self,
        parent: str | None = None,
        opened: OpenedPaths | None = None,
        unpack_limit: UnpackLimit | None = None,
    ) -> None:
        self.opened = opened
        self._unpack_limit = unpack_limit or UnpackLimit()
        self._folder = tempfile.TemporaryDirectory(prefix="stormlog-", dir=parent)
        self.path = self._folder.name
        self._copies: list[str] = []

    def close(self) -> None:
        """Remove the folder."""
        self._folder.cleanup()

    def open(self, path: str) -> IO[bytes]:
        """Open a file of the store.

        Raises:
            OSError: it cannot be read, is no regular file, or lies outside the opened paths.
        """
        return open_artifact(path, self.opened)

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
            self.remove(path)
        self._copies.clear()

    def spelling(self, origin: FileOrigin, piece_id: int) -> str:
        """Return a path that means this file, and nothing else, to DuckDB."""
        path = origin.path
        if not is_storable(path):
            # The database cannot name such a file: the scan stops, and its repair makes a copy.
            return self.member(f"{piece_id}-unnamable")
        if GLOB_CHARACTERS.isdisjoint(path):
            return path
        link = self.member(f"{piece_id}-{origin.plain_name}")
        if not os.path.lexists(link):
            Path(link).symlink_to(os.path.abspath(path))
        return link

    def unpacked(self, path: str, name: str) -> tuple[str, str | None]:
        """Unpack a file; return the path of the copy, and why the rest could not be unpacked.

        Raises:
            OSError: the file cannot be read, or the copy cannot be written.
            UnpackLimitError: the file holds more than it may.
        """
        copy, problem = self.copy_named(name), None
        with self.open(path) as source, open(copy, "wb") as target:
            packed_bytes = os.fstat(source.fileno()).st_size
            try:
                for block in unpacked_blocks(source, path, self._unpack_limit, packed_bytes):
                    target.write(block)
            except DamagedArchiveError as error:
                problem = str(error)
            except BaseException:
                self.remove(copy)
                raise
        return copy, problem

    def remove(self, copy: str) -> None:
        """Remove a copy that is not needed any more."""
        with contextlib.suppress(OSError):
            os.unlink(copy)

    def copy_range(self, source: IO[bytes], start: int, end: int, name: str) -> str:
        """Copy some bytes of an open file, as far as they exist; return the path of the copy.

        Raises:
            OSError: the file cannot be read, or the copy cannot be written.
        """
        copy = self.copy_named(name)
        try:
            with open(copy, "wb") as target:
                source.seek(start)
                left = end - start
                while left > 0 and (block := source.read(min(left, _COPY_BYTES))):
                    target.write(block)
                    left -= len(block)
        except BaseException:
            self.remove(copy)
            raise
        return copy
