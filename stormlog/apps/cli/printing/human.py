"""Values as people like to read them; times are UTC."""

from __future__ import annotations

from time import gmtime, strftime
from typing import Any

from stormlog.apps.cli.printing.json_text import json_line

__all__ = ["cell_text", "human_bytes", "human_count", "human_time", "printable"]

_BYTE_UNITS = ("B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB")
_NS_PER_S = 1_000_000_000
#: 9999-12-31T23:59:59, the last second that the standard library can show.
_LAST_SECOND = 253_402_300_799


def human_bytes(value: int) -> str:
    """Return a size in bytes in binary units, three digits or so: ``1.50 GiB``."""
    size = abs(value)
    unit = 0
    scale = 1
    while size >= scale * 1024 and unit < len(_BYTE_UNITS) - 1:
        scale *= 1024
        unit += 1
    sign = "-" if value < 0 else ""
    if unit == 0:
        return f"{sign}{size} B"
    amount = size / scale
    digits = 2 if amount < 10 else 1 if amount < 100 else 0
    return f"{sign}{amount:.{digits}f} {_BYTE_UNITS[unit]}"


def human_count(value: int) -> str:
    """Return a number with its thousands apart: ``12,345``."""
    return f"{value:,}"


def human_time(value: int, *, milliseconds: bool = False) -> str:
    """Return a time as ``2026-01-02 03:04:05``, or the number itself if it is out of range.

    Args:
        value: Nanoseconds since the Unix epoch.
        milliseconds: Whether to add three digits of the second.
    """
    seconds, rest = divmod(value, _NS_PER_S)
    if not 0 <= seconds <= _LAST_SECOND:
        return str(value)
    text = strftime("%Y-%m-%d %H:%M:%S", gmtime(seconds))
    return f"{text}.{rest // 1_000_000:03d}" if milliseconds else text


def printable(text: str) -> str:
    """Return text with control characters escaped: what comes from files must not steer the terminal."""
    if text.isprintable():
        return text
    return "".join(
        character if character.isprintable() else character.encode("unicode_escape").decode("ascii")
        for character in text
    )


def cell_text(value: Any) -> str:
    """Return any value as one line of text: ``-`` for null, JSON for lists and mappings."""
    if value is None:
        return "-"
    if isinstance(value, str):
        return printable(value)
    if isinstance(value, (list, tuple, dict)):
        return json_line(value)
    return printable(str(value))
