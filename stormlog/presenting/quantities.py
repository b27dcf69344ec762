"""Sizes, counts, times and durations as people like to read them; times are UTC unless a zone is given."""

from __future__ import annotations

from time import gmtime, localtime, strftime
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from datetime import tzinfo

__all__ = [
    "counted",
    "human_age",
    "human_ago",
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


def counted(count: int, noun: str) -> str:
    """Return a number with its noun: ``1 hit``, ``2,000 hits``."""
    return f"{human_count(count)} {noun}{'' if count == 1 else 's'}"


def human_time(
    value: int, *, milliseconds: bool = False, zone: tzinfo | Literal["local"] | None = None
) -> str:
    """Return a time as ``2026-01-02 03:04:05``, or the number itself if it is out of range.

    Args:
        value: Nanoseconds since the Unix epoch.
        milliseconds: Whether to add three digits of the second.
        zone: Time zone, or that of the system; UTC if None.
    """
    seconds, rest = divmod(value, _NS_PER_S)
    if not 0 <= seconds <= _LAST_SECOND:
        return str(value)
    if zone is None or zone == "local":
        text = strftime("%Y-%m-%d %H:%M:%S", (gmtime if zone is None else localtime)(seconds))
    else:
        from datetime import UTC, datetime, timedelta  # Late: most answers show UTC.

        try:
            moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds)
            text = moment.astimezone(zone).strftime("%Y-%m-%d %H:%M:%S")
        except OverflowError:
            # In the zone it is the year 10000.
            return str(value)
    return f"{text}.{rest // _NS_PER_MS:03d}" if milliseconds else text


def human_duration(value: int) -> str:
    """Return a length of time in its largest unit or two: ``120 ms``, ``3.2 s``, ``2 min 5 s``, ``2 h 5 min``.

    The last digit shown is rounded.

    Args:
        value: Nanoseconds, not negative.
    """
    if value < _NS_PER_MS:
        return "less than 1 ms" if value > 0 else "0 s"
    milliseconds = _rounded(value, _NS_PER_MS)
    if milliseconds < 1000:
        return f"{milliseconds} ms"
    tenths = _rounded(value, _NS_PER_S // 10)
    if tenths < 100:
        return f"{tenths // 10}.{tenths % 10} s" if tenths % 10 else f"{tenths // 10} s"
    seconds = _rounded(value, _NS_PER_S)
    if seconds < 60:
        return f"{seconds} s"
    if seconds < 3600:
        return _in_two_units(seconds, 60, "min", "s")
    minutes = _rounded(value, 60 * _NS_PER_S)
    if minutes < 24 * 60:
        return _in_two_units(minutes, 60, "h", "min")
    return _in_two_units(_rounded(value, 3600 * _NS_PER_S), 24, "d", "h")


def human_age(value: int) -> str:
    """Return a length of time as one rounded number, with its unit in words: ``12 days``, ``1 second``.

    Args:
        value: Nanoseconds, not negative.
    """
    for unit, seconds in (("day", 86400), ("hour", 3600), ("minute", 60)):
        # One of a unit is too coarse: one day may be 36 hours.
        if value >= 2 * seconds * _NS_PER_S:
            return f"{_rounded(value, seconds * _NS_PER_S):,} {unit}s"
    count = _rounded(value, _NS_PER_S)
    return f"{count} {'second' if count == 1 else 'seconds'}"


def human_ago(value: int) -> str:
    """Return how long ago something was, as one rounded number: ``3 h ago``, ``12 d ago``, ``now``, ``in 5 min``.

    Args:
        value: Nanoseconds since then; negative for what is still to come.
    """
    length = abs(value)
    for unit, seconds in (("d", 86400), ("h", 3600), ("min", 60), ("s", 1)):
        # One of a unit is too coarse: one day may be 36 hours.
        if length >= 2 * seconds * _NS_PER_S:
            count = f"{_rounded(length, seconds * _NS_PER_S):,} {unit}"
            return f"{count} ago" if value > 0 else f"in {count}"
    return "now"


def _rounded(value: int, unit: int) -> int:
    # As a division of integers: a float would round 59.99 s to 60.0 s after the unit was chosen.
    return (value + unit // 2) // unit


def _in_two_units(count: int, size: int, unit: str, smaller: str) -> str:
    """Return a number of smaller units as larger ones and the rest; ``size`` of the smaller make one larger."""
    whole, rest = divmod(count, size)
    return f"{whole:,} {unit} {rest} {smaller}" if rest else f"{whole:,} {unit}"
