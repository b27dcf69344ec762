"""Options that say how tables show times."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

import click

from stormlog.apps.cli.options.configured import configured_option

if TYPE_CHECKING:
    from stormlog.presenting import Moments

__all__ = ["moment_options", "moments_of"]

Command = TypeVar("Command", bound=Callable[..., Any])


def moment_options(command: Command) -> Command:
    """Add ``--tz`` and ``--relative``, for `moments_of`."""
    command = click.option(
        "--relative", "is_relative", is_flag=True, help="In tables: how long ago, such as '3 h ago'."
    )(command)
    return configured_option(
        "--tz",
        key="tz",
        metavar="ZONE",
        help="In tables: times of this zone: utc, local, or a name such as Europe/Berlin (default: utc).",
    )(command)


def moments_of(options: dict[str, Any]) -> Moments:
    """Take what `moment_options` added from the options.

    Raises:
        click.BadParameter: there is no such zone.
    """
    from stormlog.presenting import Moments, moments_in

    zone, is_relative = options.pop("tz"), options.pop("is_relative")
    now_ns = None
    if is_relative:
        import time

        now_ns = time.time_ns()
    if zone is None:
        return Moments(now_ns=now_ns)
    try:
        return moments_in(zone, now_ns=now_ns)
    except ValueError as error:
        raise click.BadParameter(f"{error}.", param_hint="'--tz'") from None
