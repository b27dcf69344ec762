"""``--follow`` and ``--interval``: going on with an answer as files grow."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any, TypeVar

import click

from stormlog.apps.cli.options.options import format_of

__all__ = ["follow_options", "follow_seconds"]

Decorated = TypeVar("Decorated", bound=Callable[..., Any])

_USUAL_INTERVAL = "2s"


def follow_options(text: str) -> Callable[[Decorated], Decorated]:
    """Return what adds ``follow`` and ``interval`` to a command; ``text`` says what it goes on with."""

    def decorate(function: Decorated) -> Decorated:
        function = click.option(
            "--interval",
            metavar="TIME",
            help="With --follow: time between two looks, such as 500ms, 2s or 1m.",
        )(function)
        return click.option("--follow", is_flag=True, help=text)(function)

    return decorate


def follow_seconds(
    options: dict[str, Any], *, excludes: Collection[str], why: str, formats: Collection[str]
) -> float | None:
    """Take the two options, and return the seconds between two looks; None if nothing is to be followed.

    Args:
        options: What the command received.
        excludes: Other options that make no sense then.
        why: What --follow does, for the message about one of these.
        formats: Formats that can be followed.

    Raises:
        click.UsageError: options contradict each other.
        click.BadParameter: the interval is none.
    """
    interval, is_wanted = options.pop("interval"), options.pop("follow")
    if not is_wanted:
        if interval is not None:
            raise click.UsageError("--interval needs --follow.")
        return None
    for option in excludes:
        if options[option] is not None:
            raise click.UsageError(f"--follow {why}: leave out --{option}.")
    if format_of(options) not in formats:
        *others, last = (f"--{name}" for name in formats)
        raise click.UsageError(
            f"--follow prints no {format_of(options)}: choose {', '.join(others)} or {last}."
        )
    from stormlog.apps.cli.commands.follow import interval_seconds

    seconds = interval_seconds(interval or _USUAL_INTERVAL)
    if seconds is None:
        raise click.BadParameter(
            f"{interval!r} is no time above zero: write 500ms, 2s, 1m or a number of seconds.",
            param_hint="'--interval'",
        )
    return seconds
