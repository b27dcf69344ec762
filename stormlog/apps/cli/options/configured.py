"""Options that the configuration file may set: what is given counts most, then the environment, then the file."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

import click
from click.core import ParameterSource

if TYPE_CHECKING:
    from stormlog.configuration import Configuration

__all__ = ["configuration_of", "configured_option", "late_option", "paths_argument"]

Decorated = TypeVar("Decorated", bound=Callable[..., Any])

_KEPT = "stormlog.apps.cli.configuration"


def configuration_of(ctx: click.Context) -> Configuration:
    """Return the configuration that holds in the current directory; it is read once for a command line.

    Raises:
        ValueError: see `stormlog.configuration.load`.
    """
    # Kept with the command line, as the current directory may change between two of one process.
    kept = ctx.meta.get(_KEPT)
    if kept is None:
        from stormlog.configuration import load

        kept = ctx.meta[_KEPT] = load()
        if kept.warnings:
            from stormlog.apps.cli.printing.diagnostics import print_message

            for warning in kept.warnings:
                print_message(warning, "Warning")
    found: Configuration = kept
    return found


def configured_option(
    *declarations: str,
    key: str,
    gives_way_to: Sequence[str] = (),
    **attributes: Any,
) -> Callable[[Decorated], Decorated]:
    """Return an option that the configuration file may set.

    Args:
        declarations: As of `click.option`.
        key: Of the file.
        gives_way_to: Parameters that leave no room for what the file says, if they are given.
        attributes: As of `click.option`.
    """
    return click.option(*declarations, cls=_Option, key=key, gives_way_to=gives_way_to, **attributes)


def late_option(*declarations: str, key: str, **attributes: Any) -> Callable[[Decorated], Decorated]:
    """Return an option for which the command itself looks into the configuration file, where it needs it.

    Args:
        declarations: As of `click.option`.
        key: Of the file, for the description of the command.
        attributes: As of `click.option`.
    """
    return click.option(*declarations, cls=_LateOption, key=key, **attributes)


def paths_argument(**attributes: Any) -> Callable[[Decorated], Decorated]:
    """Return the argument ``PATH...``, which the file may set by ``paths``; one path is needed."""
    return click.argument("paths", metavar="PATH...", nargs=-1, required=True, cls=_Paths, **attributes)


class _Option(click.Option):
    def __init__(self, *args: Any, key: str, gives_way_to: Sequence[str], **attributes: Any) -> None:
        super().__init__(*args, **attributes)
        self.key = key
        self._gives_way_to = gives_way_to

    def consume_value(self, ctx: click.Context, opts: Mapping[str, Any]) -> tuple[Any, ParameterSource]:
        value, source = super().consume_value(ctx, opts)
        if source is not ParameterSource.DEFAULT or any(opts.get(name) for name in self._gives_way_to):
            return value, source
        return _configured(ctx, self.key, value, source)


class _LateOption(click.Option):
    def __init__(self, *args: Any, key: str, **attributes: Any) -> None:
        super().__init__(*args, **attributes)
        self.key = key


class _Paths(click.Argument):
    key = "paths"

    def consume_value(self, ctx: click.Context, opts: Mapping[str, Any]) -> tuple[Any, ParameterSource]:
        value, source = super().consume_value(ctx, opts)
        given = opts.get("paths")
        # Versions of click differ in what they say of an argument without any words.
        has_words = isinstance(given, (list, tuple)) and len(given) > 0
        return (value, source) if has_words else _configured(ctx, self.key, value, source)


def _configured(
    ctx: click.Context, key: str, value: Any, source: ParameterSource
) -> tuple[Any, ParameterSource]:
    # Completing a command line does not read files.
    configured = None if ctx.resilient_parsing else configuration_of(ctx).value(key)
    return (value, source) if configured is None else (configured, ParameterSource.DEFAULT_MAP)
