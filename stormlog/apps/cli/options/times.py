"""Moments and durations as people write them."""

from __future__ import annotations

import re
from datetime import UTC, datetime

import click

from stormlog.issues import parse_datetime

__all__ = ["duration_ns", "instant_ns", "moment_ns"]

_UNITS = {
    "ms": 10**6,
    "s": 10**9,
    "m": 60 * 10**9,
    "h": 3600 * 10**9,
    "d": 86400 * 10**9,
    "w": 604800 * 10**9,
}
#: Seconds since the Unix epoch, or nanoseconds; a date without separators has eight digits.
_EPOCH_SECONDS = re.compile(r"[0-9]{9,11}(?:\.[0-9]{1,9})?", re.ASCII)
_EPOCH_NANOSECONDS = re.compile(r"[0-9]{17,19}", re.ASCII)
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


def moment_ns(text: str, now_ns: int | None, option: str) -> int:
    """Return the time of ``2026-11-26``, ``2026-11-26T10:00:00Z`` or ``7d`` (ago), in nanoseconds since the Unix epoch.

    A date without an offset is in UTC.

    Args:
        text: The date, time or duration.
        now_ns: What durations are counted back from; None where only dates and times are meant.
        option: Name of the option, for the message.

    Raises:
        click.BadParameter: it is none of these, or 64 bits do not hold its nanoseconds.
    """
    if now_ns is not None and _DURATION.fullmatch(text.strip()) and not text.strip().isdecimal():
        found = now_ns - duration_ns(text, option)
    else:
        moment = parse_datetime(text)
        if moment is None:
            message = f"{text!r} is no date such as 2026-11-26 or 2026-11-26T10:00:00Z."
            raise click.BadParameter(message, param_hint=option)
        since = moment - datetime(1970, 1, 1, tzinfo=UTC)
        found = (since.days * 86400 + since.seconds) * 10**9 + since.microseconds * 1000
    if not -(2**63) <= found < 2**63:
        raise click.BadParameter(f"{text!r} is not between the years 1678 and 2261.", param_hint=option)
    return found


def instant_ns(text: str, option: str) -> int:
    """Return the time of ``2026-11-20 09:45:34 UTC``, an ISO date or time, or seconds or nanoseconds since the epoch.

    A time without an offset is in UTC. Seconds have 9 to 11 digits and perhaps a fraction, nanoseconds 17 to 19.

    Args:
        text: The time, as people write it or Stormlog prints it.
        option: Name of the option, for the message.

    Raises:
        click.BadParameter: it is none of these, or 64 bits do not hold its nanoseconds.
    """
    text = text.strip()
    if _EPOCH_NANOSECONDS.fullmatch(text):
        found = int(text)
    elif _EPOCH_SECONDS.fullmatch(text):
        seconds, _, fraction = text.partition(".")
        # As integers: a double would lose the last digits.
        found = int(seconds) * 10**9 + int(fraction.ljust(9, "0"))
    elif text.isdecimal() and len(text) > 8:
        message = (
            f"{text!r} is neither seconds (9 to 11 digits) nor nanoseconds (17 to 19) since the Unix epoch."
        )
        raise click.BadParameter(message, param_hint=option)
    else:
        return moment_ns(text.removesuffix("UTC"), None, option)
    if found >= 2**63:
        raise click.BadParameter(f"{text!r} is not between the years 1678 and 2261.", param_hint=option)
    return found
