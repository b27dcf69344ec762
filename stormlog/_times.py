"""The one grammar of times and durations that people write; every option, filter and file that takes one reads it here.

Promise: a text means one moment or none. What is ambiguous (``1M``, twelve digits, ``soon``) is refused with a sentence
that says what can be written. Nothing passes through a floating-point number, so that no digit gets lost.

Source: docs/cli.md#times.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from time import time_ns
from typing import Final

__all__ = ["parse_datetime", "parse_duration", "parse_time"]

_SECOND: Final = 10**9
_DAY: Final = 86_400 * _SECOND
_UNITS: Final = {
    "ms": 10**6,
    "s": _SECOND,
    "m": 60 * _SECOND,
    "h": 3600 * _SECOND,
    "d": _DAY,
    "w": 7 * _DAY,
    "y": 365 * _DAY,
}
#: Words for units beside their letters; each may end in s.
_UNIT_WORDS: Final = {
    "millisecond": "ms",
    "sec": "s",
    "second": "s",
    "min": "m",
    "minute": "m",
    "hour": "h",
    "day": "d",
    "week": "w",
    "year": "y",
}
#: Days that have a name -> their distance from today.
_DAY_WORDS: Final = {"yesterday": -1, "today": 0, "tomorrow": 1}

#: No text of a time or a duration is longer; what is longer is not looked at.
_LONGEST: Final = 100

# Patterns are compiled when they are first used: most commands name no time.
_NUMBER: Final = r"([0-9]+)(?:\.([0-9]+))?"
_PART: Final = _NUMBER + r" ?([A-Za-z]+) ?"
_PARTS: Final = r"(?:[0-9]+(?:\.[0-9]+)? ?[A-Za-z]+ ?)+"
#: Fraction of a second, behind a time of day with seconds; a comma is as good as a point.
_FRACTION: Final = r"(?:[0-9]{2}:[0-9]{2}:|T[0-9]{4})[0-9]{2}([.,]([0-9]+))"
#: A day that has a name, perhaps with a time of day behind it.
_NAMED_DAY: Final = r"(yesterday|today|tomorrow)(?:[ T]+(.+))?"
# Newer interpreters read 24:00 as the next midnight; the answer must not depend on them.
_HOUR_24: Final = re.compile(r"(?:\d{4}-?\d{2}-?\d{2}|\d{4}-?W\d{2}(?:-?\d)?).24")

_TIMES: Final = (
    "write 2h or 7d (ago), yesterday, 2026-11-26, 2026-11-26T10:00:00Z, or seconds since the Unix epoch"
)


def parse_duration(text: str) -> int:
    """Return how many nanoseconds ``500ms``, ``30s``, ``10m``, ``1h30m``, ``7d``, ``2 weeks``, ``1y`` or ``30`` is.

    Args:
        text: Numbers, each with a unit: ms, s, m (minutes), h, d, w, y (365 days), or their words. A number alone is
            seconds.

    Raises:
        ValueError: it is no duration, or 64 bits do not hold its nanoseconds.
    """
    trimmed = text.strip()
    if len(trimmed) <= _LONGEST:
        alone = re.fullmatch(_NUMBER, trimmed)
        if alone is not None:
            return _in_range(text, _scaled(alone[1], alone[2], _SECOND), _LENGTHS)
        if re.fullmatch(_PARTS, trimmed):
            return _length(text, trimmed)
    raise ValueError(f"{_shown(text)} is no duration such as 500ms, 30s, 10m, 2h or 7d")


def parse_time(text: str, now_ns: int | None = None, *, is_ahead: bool = False) -> int:
    """Return the moment that a text means, in nanoseconds since the Unix epoch.

    Args:
        text: One of: a duration with units, counted back from now (``2h``, ``1h30m``, ``7d``, ``3 h ago``); ``now``;
            ``yesterday``, ``today`` or ``tomorrow``, which begin at midnight in UTC, with or without a time of day
            (``yesterday 22:00``); an ISO date, which begins at midnight, or an ISO date and time, in UTC unless it
            names an offset; the same with ``UTC`` behind it, as tables print it; seconds since the Unix epoch
            (9 to 11 digits, perhaps with a fraction) or nanoseconds (17 to 19 digits).
        now_ns: The current time; None asks the clock.
        is_ahead: Whether durations are counted forward from now, where the time of an end is asked for.

    Raises:
        ValueError: it is none of these, or 64 bits do not hold its nanoseconds.
    """
    trimmed = text.strip()
    if not trimmed or len(trimmed) > _LONGEST:
        raise ValueError(f"{_shown(text)} is no time: {_TIMES}")
    if now_ns is None:
        now_ns = time_ns()
    lowered = trimmed.lower()
    if lowered == "now":
        return now_ns
    is_past = lowered.endswith(" ago")
    parts = trimmed[: -len(" ago")].rstrip() if is_past else trimmed
    found: int | None
    if re.fullmatch(_PARTS, parts):
        length = _length(text, parts)
        found = now_ns + length if is_ahead and not is_past else now_ns - length
    else:
        found = _epoch_ns(trimmed)
        if found is None:
            found = _calendar_ns(trimmed, now_ns)
    if found is None:
        raise ValueError(f"{_shown(text)} is no time: {_TIMES}")
    return _in_range(text, found, _YEARS)


def parse_datetime(text: str | None) -> datetime | None:
    """Return an ISO 8601 time in UTC; None for what is no time, or outside the years 1 to 9999.

    Args:
        text: ISO 8601 as ``datetime.fromisoformat`` of Python 3.11 reads it, with surrounding
            blanks and a final ``Z`` allowed; without an offset it means UTC.
    """
    if not isinstance(text, str):
        return None
    trimmed = text.strip()
    if trimmed.endswith("Z"):
        trimmed = trimmed[:-1] + "+00:00"
    if _HOUR_24.match(trimmed):
        return None
    try:
        parsed = datetime.fromisoformat(trimmed)
        if parsed.tzinfo is None:
            return parsed.replace(tzinfo=UTC)
        return parsed.astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def _epoch_ns(text: str) -> int | None:
    """Return the time of seconds or nanoseconds since the epoch; None for another text."""
    match = re.fullmatch(_NUMBER, text)
    if match is None:
        return None
    digits = len(match[1])
    if 9 <= digits <= 11:
        return _scaled(match[1], match[2], _SECOND)
    if 17 <= digits <= 19 and match[2] is None:
        return int(match[1])
    if digits == 8 and match[2] is None:
        # A date without separators.
        return None
    raise ValueError(
        f"{_shown(text)} is neither seconds (9 to 11 digits) nor nanoseconds (17 to 19) since the Unix epoch"
    )


def _calendar_ns(text: str, now_ns: int) -> int | None:
    """Return the time of a date, perhaps with a time of day; None for another text."""
    named = re.fullmatch(_NAMED_DAY, text, re.IGNORECASE)
    if named is not None:
        days = now_ns // _DAY + _DAY_WORDS[named[1].lower()]
        day = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(days=days)
        text = f"{day:%Y-%m-%d}" if named[2] is None else f"{day:%Y-%m-%d}T{named[2]}"
    text = re.sub(r" +UTC$", "Z", text.upper())
    # As `git log` and `date` write an offset.
    text = re.sub(r" +(?=[+-][0-9:]+$)", "", text)
    fraction = re.search(_FRACTION, text.replace(" ", "T"))
    if fraction is not None:
        text = text[: fraction.start(1)] + text[fraction.end(1) :]
    # Interpreters leave out a fraction of a minute without a word.
    moment = None if re.search("[.,]", text) else parse_datetime(text)
    if moment is None:
        return None
    since = moment - datetime(1970, 1, 1, tzinfo=UTC)
    whole = (since.days * 86_400 + since.seconds) * _SECOND
    return whole if fraction is None else whole + int(fraction[2][:9].ljust(9, "0"))


def _length(text: str, parts: str) -> int:
    """Return the nanoseconds of numbers with units."""
    total = sum(_scaled(part[1], part[2], _unit(text, part[3])) for part in re.finditer(_PART, parts))
    return _in_range(text, total, _LENGTHS)


def _unit(text: str, word: str) -> int:
    if word == "M" or word.lower().rstrip("s") in ("mo", "mon", "month"):
        raise ValueError(f"{_shown(text)} is not clear: m is minutes, and months differ in length; write 30d")
    lowered = word.lower()
    known = _UNITS.get(lowered) or _UNITS.get(_UNIT_WORDS.get(lowered.removesuffix("s"), ""))
    if known is None:
        raise ValueError(f"{_shown(text)}: {_shown(word)} is no unit of time: write ms, s, m, h, d, w or y")
    return known


def _scaled(whole: str, fraction: str | None, unit: int) -> int:
    """Return a decimal number of units, in nanoseconds; what is finer is left out."""
    digits = fraction or ""
    return int(whole + digits) * unit // int("1" + "0" * len(digits))


_YEARS: Final = "is not between the years 1678 and 2261"
_LENGTHS: Final = "is longer than 292 years"


def _in_range(text: str, value: int, problem: str) -> int:
    if not -(2**63) <= value < 2**63:
        raise ValueError(f"{_shown(text)} {problem}")
    return value


def _shown(text: str) -> str:
    return repr(text if len(text) <= _LONGEST else text[:_LONGEST] + "...")
