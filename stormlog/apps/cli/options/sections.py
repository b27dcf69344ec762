"""Options in sections, so that help lists what belongs together under one heading."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import click

__all__ = ["SectionedCommand", "section"]

Decorated = TypeVar("Decorated", bound=Callable[..., Any])

#: Headings in the order in which help has them; options of no section come first.
_HEADINGS = ("Options", "Filters", "Rows", "Output", "Tracker", "Reading")


class SectionedCommand(click.Command):
    """A command whose help lists its options by section."""

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the sections that have options."""
        found: dict[str, list[tuple[str, str]]] = {heading: [] for heading in _HEADINGS}
        for param in self.get_params(ctx):
            record = param.get_help_record(ctx)
            if record is not None and not isinstance(param, click.Argument):
                found[getattr(param, "section", _HEADINGS[0])].append(record)
        is_alone = sum(map(bool, found.values())) == 1
        for heading, records in found.items():
            if records:
                with formatter.section("Options" if is_alone or heading == "Options" else heading):
                    formatter.write_dl(records)


def section(heading: str, *decorators: Callable[[Any], Any]) -> Callable[[Decorated], Decorated]:
    """Return a decorator that adds options to a command, in the order given, under one heading of its help.

    Args:
        heading: One of those of `SectionedCommand`. Options that have a section already keep it.
        decorators: What adds the options.
    """
    assert heading in _HEADINGS, heading

    def decorate(function: Decorated) -> Decorated:
        before = len(getattr(function, "__click_params__", ()))
        for add in reversed(decorators):
            function = add(function)
        added: list[Any] = function.__click_params__[before:]  # type: ignore[attr-defined]
        for param in added:
            param.section = getattr(param, "section", heading)
        return function

    return decorate
