"""Makes a readable copy of a text file whose bytes stop a scan, line numbers unchanged.

Promise: the original is only read; a bad line becomes an empty one and is named, all others stay.
"""

from __future__ import annotations

from dataclasses import dataclass, field

__all__ = ["NO_DELIMITER", "Damage", "Repaired", "excerpt_of", "read_bytes", "repair_lines", "unpack"]

#: No JSON holds this sequence: separated by it, every line is one cell of a table.
NO_DELIMITER = "\x01\x1e\x02\x1f"

#: Line number, reason, excerpt.
Damage = tuple[int, str, str]

_EXCERPT_CHARACTERS = 200
# Small, because a damaged piece gives nothing at all.
_CHUNK_BYTES = 1 << 14


@dataclass
class Repaired:
    """A readable form of a file.

    Attributes:
        data: The lines, each ended by a line feed only.
        is_changed: Whether ``data`` differs from what a scan of the file itself would see.
        damaged: Lines that became empty.
        problem: Why the file could only be unpacked up to some point, or ``None``.
    """

    data: bytes
    is_changed: bool
    damaged: list[Damage] = field(default_factory=list)
    problem: str | None = None


def excerpt_of(text: str) -> str:
    """Return the start of a line, short enough to show and free of unprintable characters."""
    start = text[:_EXCERPT_CHARACTERS]
    return "".join(character if character.isprintable() else "\ufffd" for character in start)


def read_bytes(path: str) -> bytes:
    """Return a file's content, unpacked as far as possible when its name ends in ``.gz`` or ``.zst``.

    Raises:
        OSError: the file cannot be read, or nothing of it can be unpacked.
    """
    return unpack(path)[0]


def unpack(path: str) -> tuple[bytes, str | None]:
    """Return a file's content and why the rest could not be unpacked.

    Raises:
        OSError: the file cannot be read, or nothing of it can be unpacked.
    """
    if path.endswith(".gz"):
        data, problem = _unpack_gzip(path)
    elif path.endswith(".zst"):
        data, problem = _unpack_zstd(path)
    else:
        with open(path, "rb") as stream:
            return stream.read(), None
    if problem is not None and not data:
        raise OSError(problem)
    return data, problem


def repair_lines(path: str, max_line_bytes: int) -> Repaired:
    """Return a readable form of a file.

    Lines end at LF, CRLF or a lone CR. Lines that are not UTF-8, too long or hold the delimiter become empty.

    Raises:
        OSError: the file cannot be read.
    """
    original, problem = unpack(path)
    data = original.replace(b"\r\n", b"\n").replace(b"\r", b"\n") if b"\r" in original else original
    damaged: list[Damage] = []
    delimiter = NO_DELIMITER.encode()
    if not (_is_utf8(data) and delimiter not in data and _has_short_lines(data, max_line_bytes)):
        lines = data.split(b"\n")
        for index, line in enumerate(lines):
            reason = None
            if len(line) > max_line_bytes:
                reason = "line_too_long"
            elif not _is_utf8(line):
                reason = "invalid_utf8"
            elif delimiter in line:
                reason = "malformed_json"
            if reason is not None:
                damaged.append((index + 1, reason, excerpt_of(line[:400].decode("utf-8", "replace"))))
                lines[index] = b""
        data = b"\n".join(lines)
    return Repaired(data, data is not original or problem is not None, damaged, problem)


def _unpack_gzip(path: str) -> tuple[bytes, str | None]:
    import zlib

    parts: list[bytes] = []
    problem = None
    with open(path, "rb") as packed:
        member = zlib.decompressobj(wbits=31)
        is_inside = False
        while chunk := packed.read(_CHUNK_BYTES):
            try:
                while chunk:
                    if not is_inside:
                        # Zeros may pad the end of an archive.
                        chunk = chunk.lstrip(b"\0")
                        if not chunk:
                            break
                        member, is_inside = zlib.decompressobj(wbits=31), True
                    parts.append(member.decompress(chunk))
                    chunk = member.unused_data
                    is_inside = not member.eof
            except zlib.error as error:
                return b"".join(parts), f"is not a whole gzip file: {error}"
        if is_inside:
            problem = "ends in the middle of its gzip data"
    return b"".join(parts), problem


def _unpack_zstd(path: str) -> tuple[bytes, str | None]:
    import pyarrow

    parts: list[bytes] = []
    with open(path, "rb") as packed, pyarrow.input_stream(packed, compression="zstd") as unpacked:
        try:
            while chunk := unpacked.read(_CHUNK_BYTES):
                parts.append(bytes(chunk))
        except (OSError, pyarrow.ArrowException) as error:
            return b"".join(parts), f"is not a whole zstd file: {error}"
    return b"".join(parts), None


def _is_utf8(data: bytes) -> bool:
    if data.isascii():
        return True
    try:
        data.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def _has_short_lines(data: bytes, limit: int) -> bool:
    if len(data) <= limit:
        return True
    start = 0
    while len(data) - start > limit:
        end = data.rfind(b"\n", start, start + limit + 1)
        if end < 0:
            return False
        start = end + 1
    return True
