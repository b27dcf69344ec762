"""What the file system says about a file, and samples of what is in it.

Promise: two states that are equal stand for the same bytes, as far as a file system tells.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Sequence
from typing import IO, NamedTuple

from stormlog._digests import blake2b
from stormlog._opening import open_artifact

__all__ = [
    "FileState",
    "file_states",
    "sample_of",
    "sample_of_bytes",
    "sample_of_open",
    "state_of",
    "state_of_open",
]

#: Bytes of each block of a sample, and how many blocks lie between head and tail.
_BLOCK_BYTES = 4096
_INNER_BLOCKS = 2


class FileState(NamedTuple):
    """What the file system says about a file; times are nanoseconds since the Unix epoch."""

    device: int
    inode: int
    size: int
    modified_ns: int
    changed_ns: int

    def may_follow(self, earlier: FileState) -> bool:
        """Return whether the file may have grown from an earlier state; another file in its place did not."""
        return self[:2] == earlier[:2] and self.size >= earlier.size


def state_of(path: str) -> FileState | None:
    """Return the state of a file, None if it is none or cannot be looked at."""
    try:
        found = os.stat(path)
    except (OSError, ValueError):
        return None
    return _state(found) if stat.S_ISREG(found.st_mode) else None


def state_of_open(stream: IO[bytes]) -> FileState:
    """Return the state of a file that is open, whatever lies at its path by now."""
    return _state(os.fstat(stream.fileno()))


def _state(found: os.stat_result) -> FileState:
    return FileState(found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns)


def file_states(paths: Iterable[str]) -> dict[str, FileState | None]:
    """Return the state of each file."""
    return {path: state_of(path) for path in paths}


def sample_of(path: str, length: int) -> str:
    """Return a digest of head, tail and some blocks between them, of the first ``length`` bytes.

    However long the file is, at most 16 KiB are read.

    Raises:
        OSError: the file cannot be read.
    """
    with open_artifact(path) as stream:
        return sample_of_open(stream, length)


def sample_of_open(stream: IO[bytes], length: int) -> str:
    """Return what `sample_of` returns, for a file that is open; where reading goes on is not kept.

    Raises:
        OSError: the file cannot be read.
    """
    blocks = []
    for start in _block_starts(length):
        stream.seek(start)
        blocks.append(stream.read(min(_BLOCK_BYTES, length - start)) or b"")
    return _digest(length, blocks)


def sample_of_bytes(data: bytes) -> str:
    """Return what `sample_of` returns for a file with these bytes."""
    starts = _block_starts(len(data))
    return _digest(len(data), [data[start : start + _BLOCK_BYTES] for start in starts])


def _block_starts(length: int) -> list[int]:
    if length <= _BLOCK_BYTES:
        return [0]
    step = (length - _BLOCK_BYTES) / (_INNER_BLOCKS + 1)
    return [int(step * number) for number in range(_INNER_BLOCKS + 2)]


def _digest(length: int, blocks: Sequence[bytes]) -> str:
    digest = blake2b(str(length).encode(), digest_size=16)
    for block in blocks:
        digest.update(block)
    return digest.hexdigest()
