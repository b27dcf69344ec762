"""Moments and durations as people write them."""

from __future__ import annotations

import re
from datetime import UTC, datetime

import click

__all__ = ["duration_ns", "moment_ns"]

_UNITS = {
    "ms": 10**6,
    "s": 10**9,
    "m": 60 * 10**9,
    "h": 3600 * 10**9,
    "d": 86400 * 10**9,
    "w": 604800 * 10**9,
}
_DURATION = re.compile(r"([0-9]+(?:\.[0-9]+)?) ?(ms|s|m|h|d|w)?", re.ASCII)


def duration_ns(text: str, option: str | None = None) -> int:
    """Return how many nanoseconds ``500ms``, ``30s``, ``10m``, ``2h``, ``7d``, ``1w`` or ``30`` (seconds) is.

    Raises:
        click.BadParameter: it is no duration.
    """
    match = _DURATION.fullmatch(text.strip())
    if match is None:
        raise click.BadParameter(f"{text!r} is no duration such as 30s, 10m, 2h or 7d.", param_hint=option)
    return int(float(match[1]) * _UNITS[match[2] or "s"])


def moment_ns(text: str, now_ns: int, option: str | None = None) -> int:
    """Return the time of ``2026-11-26``, ``2026-11-26T10:00:00Z`` or ``7d`` (ago), in nanoseconds since the Unix epoch.

    A date without an offset is in UTC.

    Raises:
        click.BadParameter: it is neither.
    """
    if _DURATION.fullmatch(text.strip()) and not text.strip().isdecimal():
        return now_ns - duration_ns(text, option)
    try:
        moment = datetime.fromisoformat(text.strip())
    except ValueError:
        message = f"{text!r} is no date such as 2026-11-26 or 2026-11-26T10:00:00Z."
        raise click.BadParameter(message, param_hint=option) from None
    moment = moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)
    since = moment - datetime(1970, 1, 1, tzinfo=UTC)
    return (since.days * 86400 + since.seconds) * 10**9 + since.microseconds * 1000
