"""Sizes, counts, times and durations as people like to read them; times are UTC."""

from __future__ import annotations

from time import gmtime, strftime

__all__ = [
    "human_bytes",
    "human_count",
    "human_difference",
    "human_duration",
    "human_time",
]

_BYTE_UNITS = ("B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB")
_NS_PER_MS = 1_000_000
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


def human_difference(value: int) -> str:
    """Return a difference in bytes with its sign: ``+1.50 GiB``; no sign for none."""
    return f"{'+' if value > 0 else ''}{human_bytes(value)}"


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
    return f"{text}.{rest // _NS_PER_MS:03d}" if milliseconds else text


def human_duration(value: int) -> str:
    """Return a length of time in its largest unit or two: ``120 ms``, ``3.2 s``, ``2 min 5 s``, ``2 h 5 min``.

    Args:
        value: Nanoseconds, not negative.
    """
    if value < _NS_PER_MS:
        return "less than 1 ms" if value > 0 else "0 s"
    if value < _NS_PER_S:
        return f"{value // _NS_PER_MS} ms"
    # As a division of integers: a rounded 60.0 s would be shown otherwise.
    tenths = value // (_NS_PER_S // 10)
    if tenths < 100:
        return f"{tenths // 10}.{tenths % 10} s" if tenths % 10 else f"{tenths // 10} s"
    seconds = value // _NS_PER_S
    for unit, size, smaller, part in (("d", 86400, "h", 3600), ("h", 3600, "min", 60), ("min", 60, "s", 1)):
        if seconds >= size:
            rest = seconds % size // part
            return f"{seconds // size:,} {unit} {rest} {smaller}" if rest else f"{seconds // size:,} {unit}"
    return f"{seconds} s"
