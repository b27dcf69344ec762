"""Prints screens: lines of styled text that somebody laid out, once or over themselves."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

import click

from stormlog.apps.cli.printing import output
from stormlog.apps.cli.printing.diagnostics import use_colour

if TYPE_CHECKING:
    from stormlog.presenting import Line

__all__ = ["DrawnScreen", "print_screen", "screen_width", "styled_lines"]

#: Lines of a terminal that does not say how many it has.
_USUAL_HEIGHT = 24
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
    for line in styled_lines(lines, no_colour):
        output.print_styled(line + "\n")


def styled_lines(lines: Iterable[Line], no_colour: bool) -> Iterator[str]:
    """Yield the lines of a screen as text, in colour where that is wanted."""
    in_colour = use_colour(sys.stdout, no_colour)
    for line in lines:
        pieces = [
            click.style(text, **_COLOURS[style]) if in_colour and _COLOURS[style] else text
            for text, style in line
            if text
        ]
        yield "".join(pieces).rstrip()


class DrawnScreen:
    """A screen that is drawn over itself, in one write, so that it does not flicker."""

    def __init__(self) -> None:
        self._is_first = True

    def size(self) -> tuple[int, int]:
        """Return the columns and lines of the terminal that stdout is."""
        size = os.get_terminal_size(sys.stdout.fileno())
        return output.terminal_width() or size.columns, size.lines or _USUAL_HEIGHT

    def draw(self, lines: Sequence[str]) -> None:
        """Show lines, which have to be fewer than the terminal has, in place of those before."""
        if os.environ.get("TERM") == "dumb":
            output.print_styled("".join(f"{line}\n" for line in lines))
        else:
            # Home, each line after what was there, and nothing below.
            body = "".join(f"\x1b[2K{line}\r\n" for line in lines)
            output.print_styled(("\x1b[2J" if self._is_first else "") + f"\x1b[H{body}\x1b[J")
        output.flush()
        self._is_first = False
