"""Unpacks ``.gz`` and ``.zst`` files, up to a limit.

The promise: all that a file holds comes out, or why the rest does not: an archive that breaks off, goes on with
something else or does not fit its own checksum is told, and so is one that would fill the machine.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import IO

from stormlog.engine.database.unpack_limit import UnpackLimit

__all__ = ["DamagedArchiveError", "UnpackLimitError", "unpacked_blocks"]

_READ_BYTES = 1 << 18
#: Blocks that come out are at most this long, however well they were packed.
_BLOCK_BYTES = 1 << 20


class DamagedArchiveError(ValueError):
    """The rest of an archive cannot be unpacked; the message says why."""


class UnpackLimitError(ValueError):
    """An archive holds more than it may; the message says how much that is."""


def unpacked_blocks(stream: IO[bytes], name: str, limit: UnpackLimit, packed_bytes: int) -> Iterator[bytes]:
    """Yield what a packed file holds.

    Args:
        stream: The file, at its start.
        name: Its name, which says how it is packed.
        limit: How much it may hold.
        packed_bytes: Its size.

    Raises:
        DamagedArchiveError: the rest cannot be unpacked.
        UnpackLimitError: it holds more than the limit.
        OSError: it cannot be read.
    """
    most, total = limit.of(packed_bytes), 0
    blocks = _gzip_blocks(stream) if name.lower().endswith(".gz") else _zstd_blocks(stream)
    for block in blocks:
        total += len(block)
        if total > most:
            raise UnpackLimitError(f"unpacks to more than {_shown(most)}, from {_shown(packed_bytes)}")
        yield block


def _shown(size: int) -> str:
    for power, unit in (("G", 1 << 30), ("M", 1 << 20), ("K", 1 << 10)):
        if size >= unit:
            return f"{size / unit:.4g} {power}iB"
    return f"{size} bytes"


def _gzip_blocks(stream: IO[bytes]) -> Iterator[bytes]:
    import zlib

    member = before = zlib.decompressobj(wbits=31)
    is_inside, waiting = False, b""
    try:
        while True:
            if not is_inside:
                # Zeros may pad the end of an archive.
                while not (waiting := waiting.lstrip(b"\0")):
                    waiting = stream.read(_READ_BYTES)
                    if not waiting:
                        return
                member, is_inside = zlib.decompressobj(wbits=31), True
            waiting = waiting or stream.read(_READ_BYTES)
            if not waiting and not member.unconsumed_tail:
                raise DamagedArchiveError("ends in the middle of its gzip data")
            before = member.copy()
            if block := member.decompress(waiting, _BLOCK_BYTES):
                yield block
            waiting = member.unused_data if member.eof else member.unconsumed_tail
            is_inside = not member.eof
    except zlib.error as error:
        # A step that fails gives nothing, so it is done again, byte by byte.
        with contextlib.suppress(zlib.error):
            for position in range(len(waiting)):
                yield before.decompress(waiting[position : position + 1])
        raise DamagedArchiveError(f"is not a whole gzip file: {error}") from error


def _zstd_blocks(stream: IO[bytes]) -> Iterator[bytes]:
    import pyarrow

    if not stream.read(1):
        # An empty file is no archive, and holds nothing.
        return
    done = 0
    try:
        for block in _zstd_reads(stream, 0, _BLOCK_BYTES):
            done += len(block)
            yield block
    except (OSError, pyarrow.ArrowException):
        # A read that fails gives nothing, so the last bytes are read again, one by one.
        try:
            yield from _zstd_reads(stream, done, 1)
        except (OSError, pyarrow.ArrowException) as error:
            raise DamagedArchiveError(f"is not a whole zstd file: {error}") from error


def _zstd_reads(stream: IO[bytes], start: int, length: int) -> Iterator[bytes]:
    """Yield what a zstd archive holds from some byte on, so many bytes at a time."""
    import pyarrow

    stream.seek(0)
    with pyarrow.input_stream(pyarrow.PythonFile(_Lent(stream), "rb"), compression="zstd") as unpacked:
        left = start
        while left > 0:
            left -= len(unpacked.read(min(left, _BLOCK_BYTES)))
        while block := unpacked.read(length):
            yield bytes(block)


class _Lent:
    """A file that pyarrow does not close."""

    closed = False

    def __init__(self, stream: IO[bytes]) -> None:
        self.read = stream.read

    def close(self) -> None:
        """Leave the file open for its owner."""
