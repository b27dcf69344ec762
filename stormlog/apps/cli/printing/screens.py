"""Prints screens: lines of styled text that somebody laid out."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import click

from stormlog.apps.cli.printing import output
from stormlog.apps.cli.printing.diagnostics import use_colour

if TYPE_CHECKING:
    from stormlog.presenting import Line

__all__ = ["print_screen", "screen_width"]

#: Columns of a screen where there is no terminal, and most columns on one: longer lines are hard to read.
_USUAL_WIDTH = 80
_GREATEST_WIDTH = 120

#: Style of a piece of the screen -> arguments of `click.style`.
_COLOURS: dict[str, dict[str, Any]] = {
    "plain": {},
    "heading": {"bold": True},
    "failure": {"fg": "red", "bold": True},
    "warning": {"fg": "yellow"},
    "note": {"fg": "cyan"},
    "faint": {"dim": True},
}


def screen_width() -> int:
    """Return how wide a screen is laid out: as the terminal, within limits."""
    return min(output.terminal_width() or _USUAL_WIDTH, _GREATEST_WIDTH)


def print_screen(lines: Iterable[Line], no_colour: bool) -> None:
    """Print the lines of a screen, in colour where that is wanted."""
    in_colour = use_colour(sys.stdout, no_colour)
    for line in lines:
        pieces = [
            click.style(text, **_COLOURS[style]) if in_colour and _COLOURS[style] else text
            for text, style in line
            if text
        ]
        output.print_styled("".join(pieces).rstrip() + "\n")
