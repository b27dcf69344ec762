"""Options that take a time or a duration; the grammar is that of `stormlog._times`."""

from __future__ import annotations

from typing import Any

import click

__all__ = ["TIMES", "TimeType", "duration_ns", "moment_ns"]

#: What can be written, for the help of an option.
TIMES = "2h or 7d (ago), yesterday, an ISO date or time (UTC unless it names an offset), or seconds since the epoch"


def duration_ns(text: str, option: str | None = None) -> int:
    """Return how many nanoseconds a duration such as ``30s`` is.

    Args:
        option: Name of the option, for the message.

    Raises:
        click.BadParameter: it is no duration.
    """
    # Most command lines name no time.
    from stormlog._times import parse_duration

    try:
        return parse_duration(text)
    except ValueError as error:
        raise click.BadParameter(f"{error}.", param_hint=option) from error


def moment_ns(text: str, option: str, *, is_ahead: bool = False) -> int:
    """Return the moment that a text such as ``2h`` or ``2026-11-26`` means, in nanoseconds since the Unix epoch.

    Args:
        option: Name of the option, for the message.
        is_ahead: Whether durations are counted forward from now.

    Raises:
        click.BadParameter: it is no time.
    """
    from stormlog._times import parse_time

    try:
        return parse_time(text, is_ahead=is_ahead)
    except ValueError as error:
        raise click.BadParameter(f"{error}.", param_hint=option) from error


class TimeType(click.ParamType):  # type: ignore[type-arg]
    """The type of options that take a time: nanoseconds since the Unix epoch, counted back from now."""

    name = "time"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Return the time.

        Raises:
            click.BadParameter: it is none.
        """
        if isinstance(value, int):
            return value
        from stormlog._times import parse_time

        try:
            return parse_time(value)
        except ValueError as error:
            self.fail(f"{error}.", param, ctx)
