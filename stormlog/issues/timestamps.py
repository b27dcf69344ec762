"""Reads the ISO 8601 times that OOM bundles carry.

Promise: a text that is no time, or one outside the years 1 to 9999 in UTC, is ``None``, never an error.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Final

# Newer interpreters read 24:00 as the next midnight; the answer must not depend on them.
_HOUR_24: Final = re.compile(r"(?:\d{4}-?\d{2}-?\d{2}|\d{4}-?W\d{2}(?:-?\d)?).24")


def parse_datetime(text: str | None) -> datetime | None:
    """Return a time in UTC, or ``None``.

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


def datetime_to_ns(value: datetime | None) -> int | None:
    """Return nanoseconds since the Unix epoch; a time without an offset means UTC.

    The seconds pass through a double, so fractions are exact to about 200 ns only. That is kept:
    the same bundle must get the same time everywhere.
    """
    if value is None:
        return None
    aware = value.replace(tzinfo=UTC) if value.tzinfo is None else value
    return int(aware.timestamp() * 1_000_000_000)


def utc_text_to_ns(text: str | None) -> int | None:
    """Return the nanoseconds since the Unix epoch that a text means, or ``None``."""
    return datetime_to_ns(parse_datetime(text))


def utc_text_to_microseconds(text: str | None) -> int | None:
    """Return the whole microseconds since the Unix epoch that a text means, or ``None``."""
    parsed = parse_datetime(text)
    return (
        None if parsed is None else (parsed - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)
    )
