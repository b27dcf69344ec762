"""Text of others in HTML and SVG.

The promise: it stays text. It becomes no markup, holds no control characters, and does not change the direction of
what stands around it.
"""

from __future__ import annotations

from html import escape

from stormlog._printable_text import printable

__all__ = ["markup_text"]

#: Characters that are kept where the caller names no other number.
_LONGEST = 2000


def markup_text(text: str, at_most: int = _LONGEST, *, keeps_blanks: bool = False) -> str:
    """Return text for the content of an element, or for an attribute in double quotes.

    Control characters, marks of direction and lone surrogates are written as escapes (``\\x1b``); line breaks and
    runs of blanks become one blank.

    Args:
        text: Any text.
        at_most: Most characters; the end of a longer text is replaced by an ellipsis.
        keeps_blanks: Whether blanks stay as they are, in what is there to be copied; line breaks are escapes then.
    """
    # A message may have millions of characters: only a few more than are kept are looked at.
    begin = text[: 2 * at_most]
    line = printable(begin if keeps_blanks else " ".join(begin.split()))
    if len(text) > 2 * at_most or len(line) > at_most:
        line = f"{line[: at_most - 1].rstrip()}…"
    return escape(line)
