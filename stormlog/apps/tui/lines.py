"""Lines of the library as text of Textual: styled, and never taken for markup."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Final

from rich.text import Text

if TYPE_CHECKING:
    from stormlog.presenting import Line

__all__ = ["plain", "styled"]

_STYLES: Final = {
    "plain": "",
    "heading": "bold",
    "failure": "bold red",
    "warning": "yellow",
    "note": "cyan",
    "faint": "dim",
}


def styled(lines: Iterable[Line]) -> Text:
    """Return lines as one text."""
    text = Text(overflow="fold")
    for number, line in enumerate(lines):
        if number:
            text.append("\n")
        for piece, style in line:
            text.append(piece, _STYLES[style])
    return text


def plain(text: str, style: str = "") -> Text:
    """Return text as it is."""
    return Text(text, style=style, overflow="fold")
