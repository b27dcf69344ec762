"""Reads the ISO 8601 times that OOM bundles carry.

Promise: a text that is no time, or one outside the years 1 to 9999 in UTC, is ``None``, never an error.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from stormlog._times import parse_datetime

__all__ = ["datetime_to_ns", "parse_datetime", "utc_text_to_microseconds", "utc_text_to_ns"]


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
