"""Makes a readable copy of a text file whose bytes stop a scan, line numbers unchanged.

Promise: the original is only read; a bad line becomes an empty one and is named, all others stay.
"""

from __future__ import annotations

__all__ = ["Damage", "excerpt_of", "read_bytes", "repair_lines"]

#: Line number, reason, excerpt.
Damage = tuple[int, str, str]

_EXCERPT_CHARACTERS = 200


def excerpt_of(text: str) -> str:
    """Return the start of a line, short enough to show and free of unprintable characters."""
    start = text[:_EXCERPT_CHARACTERS]
    return "".join(character if character.isprintable() else "\ufffd" for character in start)


def read_bytes(path: str) -> bytes:
    """Return a file's content, unpacked when its name ends in ``.gz`` or ``.zst``.

    Raises:
        OSError: the file cannot be read or unpacked.
    """
    if path.endswith(".gz"):
        import gzip

        try:
            with gzip.open(path) as packed:
                return packed.read()
        except EOFError as error:
            raise OSError(f"{path}: {error}") from error
    if path.endswith(".zst"):
        import pyarrow

        with pyarrow.input_stream(path, compression="zstd") as unpacked:
            return bytes(unpacked.read())
    with open(path, "rb") as stream:
        return stream.read()


def repair_lines(path: str, max_line_bytes: int) -> tuple[bytes | None, list[Damage]]:
    """Return a readable form of a file, or ``None`` when the file is fine as it is.

    Lines end at LF, CRLF or a lone CR. Lines that are not UTF-8 or are too long become empty.

    Raises:
        OSError: the file cannot be read.
    """
    original = read_bytes(path)
    data = original.replace(b"\r\n", b"\n").replace(b"\r", b"\n") if b"\r" in original else original
    damage: list[Damage] = []
    if not (_is_utf8(data) and _has_short_lines(data, max_line_bytes)):
        lines = data.split(b"\n")
        for index, line in enumerate(lines):
            reason = None
            if len(line) > max_line_bytes:
                reason = "line_too_long"
            elif not _is_utf8(line):
                reason = "invalid_utf8"
            if reason is not None:
                damage.append((index + 1, reason, excerpt_of(line[:400].decode("utf-8", "replace"))))
                lines[index] = b""
        data = b"\n".join(lines)
    return (None if data is original else data), damage


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
