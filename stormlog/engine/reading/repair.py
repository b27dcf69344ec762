"""Makes a readable copy of a text file whose bytes stop a scan, line numbers unchanged.

Promise: the original is only read, a block at a time; a bad line becomes an empty one and is named, all others stay.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import IO, NamedTuple

__all__ = ["NO_DELIMITER", "Damage", "blocks_of", "excerpt_of", "needs_repair", "repair_lines"]

#: No JSON holds this sequence: separated by it, every line is one cell of a table.
NO_DELIMITER = "\x01\x1e\x02\x1f"
_DELIMITER = NO_DELIMITER.encode()

_EXCERPT_CHARACTERS = 200
#: No character takes more than four bytes.
_EXCERPT_BYTES = 4 * _EXCERPT_CHARACTERS
_BLOCK_BYTES = 1 << 20


class Damage(NamedTuple):
    """A line that cannot be scanned: its number from 1, why, and its start."""

    line_number: int
    reason: str
    excerpt: str


def excerpt_of(text: str) -> str:
    """Return the start of a line, short enough to show and free of unprintable characters."""
    start = text[:_EXCERPT_CHARACTERS]
    if start.isprintable():
        return start
    return "".join(character if character.isprintable() else "\ufffd" for character in start)


def blocks_of(stream: IO[bytes], length: int) -> Iterator[bytes]:
    """Yield the first bytes of a file, as far as they exist.

    Raises:
        OSError: it cannot be read.
    """
    left = length
    while left > 0 and (block := stream.read(min(left, _BLOCK_BYTES))):
        left -= len(block)
        yield block


def needs_repair(blocks: Iterable[bytes], most_line_bytes: int) -> bool:
    """Return whether something in a file would stop a scan, or be read in another way than Python reads it."""
    has_return = False

    def watched() -> Iterator[bytes]:
        nonlocal has_return
        for block in blocks:
            has_return = has_return or b"\r" in block
            yield block

    for lines, _ in _groups_of_lines(watched(), most_line_bytes):
        if has_return or not _is_scannable(lines, most_line_bytes):
            return True
    return has_return


def repair_lines(
    blocks: Iterable[bytes], target: IO[bytes], most_line_bytes: int, report: Callable[[Damage], None]
) -> int:
    """Write a readable form of a file: each line ended by a line feed, the last one only if it was ended.

    Lines end at LF, CRLF or a lone CR. Lines that are not UTF-8, too long or hold the delimiter become empty.

    Args:
        blocks: The content of the file.
        target: Where to write.
        most_line_bytes: Length of the longest line that stays.
        report: Is told of every line that became empty.

    Returns:
        How many bytes were written.

    Raises:
        OSError: something cannot be read or written.
    """
    written, line_number = 0, 0
    for lines, is_ended in _groups_of_lines(blocks, most_line_bytes):
        if not _is_scannable(lines, most_line_bytes):
            lines = _without_damage(lines, line_number, most_line_bytes, report)
        line_number += lines.count(b"\n") + 1
        data = lines + b"\n" if is_ended else lines
        target.write(data)
        written += len(data)
    return written


def _groups_of_lines(blocks: Iterable[bytes], most_line_bytes: int) -> Iterator[tuple[bytes, bool]]:
    """Yield lines, joined by line feeds, and whether the last of them was ended.

    Of a line that is too long only so much is kept that everybody can see it is.
    """
    kept, is_after_return = b"", False
    for block in blocks:
        if is_after_return and block.startswith(b"\n"):
            block = block[1:]
        if not block:
            continue
        is_after_return = block.endswith(b"\r")
        if b"\r" in block:
            block = block.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
        if len(kept) > most_line_bytes:
            _, line_feed, block = block.partition(b"\n")
            if not line_feed:
                continue
            yield kept, True
            kept = b""
        lines, line_feed, rest = block.rpartition(b"\n")
        if line_feed:
            yield kept + lines, True
            kept = rest
        else:
            kept += rest
    if kept:
        yield kept, False


def _is_scannable(lines: bytes, most_line_bytes: int) -> bool:
    return _is_utf8(lines) and _DELIMITER not in lines and _has_short_lines(lines, most_line_bytes)


def _without_damage(
    lines: bytes, lines_before: int, most_line_bytes: int, report: Callable[[Damage], None]
) -> bytes:
    kept = lines.split(b"\n")
    for index, line in enumerate(kept):
        reason = None
        if len(line) > most_line_bytes:
            reason = "line_too_long"
        elif not _is_utf8(line):
            reason = "invalid_utf8"
        elif _DELIMITER in line:
            reason = "malformed_json"
        if reason is not None:
            excerpt = excerpt_of(line[:_EXCERPT_BYTES].decode("utf-8", "replace"))
            report(Damage(lines_before + index + 1, reason, excerpt))
            kept[index] = b""
    return b"\n".join(kept)


def _is_utf8(data: bytes) -> bool:
    if data.isascii():
        return True
    try:
        data.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def _has_short_lines(data: bytes, limit: int) -> bool:
    start = 0
    while len(data) - start > limit:
        end = data.rfind(b"\n", start, start + limit + 1)
        if end < 0:
            return False
        start = end + 1
    return True
