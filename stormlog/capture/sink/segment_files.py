"""Writes lines to segment files: a batch is there as a whole, or cut off again."""

from __future__ import annotations

import os

__all__ = ["append_batch", "count_lines", "cut_torn_tail", "sync_directory", "sync_file", "write_atomically"]

_CHUNK_BYTES = 1 << 16


def append_batch(path: str, batch: bytes, *, sync: bool) -> None:
    """Append a batch of whole lines.

    Args:
        path: The segment; made if it is not there.
        batch: The lines.
        sync: Whether to wait for the disk.

    Raises:
        OSError: it could not be written; the file is as long as before.
    """
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | getattr(os, "O_CLOEXEC", 0), 0o644)
    try:
        size = os.fstat(descriptor).st_size
        try:
            _write_all(descriptor, batch)
            if sync:
                os.fsync(descriptor)
        except BaseException:
            os.ftruncate(descriptor, size)
            raise
    finally:
        os.close(descriptor)


def cut_torn_tail(path: str) -> tuple[int, int]:
    """Cut a file back to the end of its last whole line.

    Returns:
        Its lines that are not blank, and its bytes.

    Raises:
        OSError: it cannot be read or cut.
    """
    with open(path, "r+b") as file:
        end = file.seek(0, os.SEEK_END)
        position = end
        whole = 0
        while position > 0 and not whole:
            start = max(0, position - _CHUNK_BYTES)
            file.seek(start)
            line_feed = file.read(position - start).rfind(b"\n")
            whole = start + line_feed + 1 if line_feed >= 0 else 0
            position = start
        if whole < end:
            file.truncate(whole)
    return count_lines(path), whole


def count_lines(path: str) -> int:
    """Return how many lines of a file are not blank."""
    with open(path, "rb") as file:
        return sum(1 for line in file if line.strip())


def write_atomically(path: str, temporary_path: str, text: str, *, sync: bool) -> None:
    """Replace a file by a text.

    Args:
        path: The file.
        temporary_path: Where it is written first, in the same directory.
        text: Its content.
        sync: Whether to wait for the disk.

    Raises:
        OSError: it could not be written; the file is as it was.
    """
    with open(temporary_path, "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        if sync:
            os.fsync(file.fileno())
    os.replace(temporary_path, path)
    if sync:
        sync_directory(os.path.dirname(path))


def sync_file(path: str) -> None:
    """Wait until the disk has a file.

    Raises:
        OSError: it cannot be opened or written out.
    """
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sync_directory(path: str) -> None:
    """Wait until the disk has the entries of a directory, where the system can do that."""
    try:
        descriptor = os.open(path or ".", os.O_RDONLY)
    except OSError:
        return
    try:
        os.fsync(descriptor)
    except OSError:
        pass
    finally:
        os.close(descriptor)


def _write_all(descriptor: int, batch: bytes) -> None:
    rest = memoryview(batch)
    while rest:
        rest = rest[os.write(descriptor, rest) :]
