"""Text of others on a screen: safe, cut to a width, and broken into lines.

The promise: control characters of files, paths and arguments do not reach a terminal.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from unicodedata import combining, east_asian_width

from stormlog._printable_text import printable

__all__ = ["cell_width", "fits", "listed", "padded", "ranges", "short_ranges"]
__all__ += ["shortened", "wrapped"]

#: Characters that are looked at at all: a message may have millions.
_LONGEST = 10_000


def cell_width(text: str) -> int:
    """Return how many columns of a terminal a text takes."""
    return len(text) if text.isascii() else sum(map(_character_width, text))


def _character_width(character: str) -> int:
    if combining(character):
        return 0
    return 2 if east_asian_width(character) in "WF" else 1


def fits(text: str, width: int) -> bool:
    """Return whether `shortened` to a width leaves a text whole."""
    return len(text) <= _LONGEST and cell_width(printable(" ".join(text.split()))) <= width


def shortened(text: str, width: int, ellipsis: str = "…") -> str:
    """Return text on one line that takes at most ``width`` columns, its end replaced by an ellipsis if need be."""
    line = printable(" ".join(text[:_LONGEST].split()))
    if len(text) <= _LONGEST and cell_width(line) <= width:
        return line
    return next(_pieces(line, max(width - len(ellipsis), 0)), "") + ellipsis


def padded(text: str, width: int) -> str:
    """Return text with blanks behind it up to a width in columns."""
    return text + " " * (width - cell_width(text))


def wrapped(text: str, width: int, *, at_most: int | None = None, ellipsis: str = "…") -> list[str]:
    """Return text broken between words into lines of at most ``width`` columns; words that are longer are cut apart.

    Args:
        text: Any text; its line breaks count as blanks.
        width: Columns, at least 2.
        at_most: Most lines; the last one ends in an ellipsis if there would be more.
        ellipsis: One character or several.
    """
    lines: list[str] = []
    line = ""
    for word in printable(" ".join(text[:_LONGEST].split())).split(" "):
        for piece in _pieces(word, width):
            if line and cell_width(line) + 1 + cell_width(piece) > width:
                lines.append(line)
                line = ""
            line = f"{line} {piece}" if line else piece
    lines.append(line)
    is_cut = len(text) > _LONGEST
    if at_most is not None and len(lines) > at_most:
        del lines[at_most:]
        is_cut = True
    if is_cut:
        lines[-1] = next(_pieces(lines[-1], width - len(ellipsis)), "") + ellipsis
    return lines


def _pieces(word: str, width: int) -> Iterator[str]:
    """Yield a text in pieces of at most ``width`` columns."""
    while cell_width(word) > width:
        end = taken = 0
        while end < len(word) and taken + _character_width(word[end]) <= width:
            taken += _character_width(word[end])
            end += 1
        yield word[:end]
        if end == 0:
            return
        word = word[end:]
    if word:
        yield word


def ranges(numbers: Sequence[int], *, at_most: int = 6) -> str:
    """Return numbers with neighbours drawn together: ``0-3, 5 and 7``.

    Args:
        numbers: Sorted, each once.
        at_most: Most ranges; the numbers beyond are counted: ``0-3, 5 and 12 more``.
    """
    texts, beyond = _range_texts(numbers, at_most)
    return listed([*texts, f"{beyond:,} more"] if beyond else texts)


def short_ranges(numbers: Sequence[int], *, at_most: int = 6) -> str:
    """Return what `ranges` does, as short as it can be said: ``0-3,5,7``, ``0-3,5,… 12 more``."""
    texts, beyond = _range_texts(numbers, at_most)
    return ",".join([*texts, f"… {beyond:,} more"] if beyond else texts)


def _range_texts(numbers: Sequence[int], at_most: int) -> tuple[list[str], int]:
    """Return the first ranges, and how many numbers are beyond them."""
    found: list[list[int]] = []
    for number in numbers:
        if found and number == found[-1][-1] + 1:
            found[-1][1:] = [number]
        else:
            found.append([number])
    texts = ["-".join(map(str, ends)) for ends in found[:at_most]]
    return texts, sum(ends[-1] - ends[0] + 1 for ends in found[at_most:])


def listed(texts: Sequence[str]) -> str:
    """Return texts as one enumeration: ``a, b and c``."""
    return " and ".join(part for part in (", ".join(texts[:-1]), *texts[-1:]) if part)
