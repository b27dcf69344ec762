"""Small plots made of characters: counts over time on one line, and a level over time on several.

Promise: no peak is lost: where several values share a column, the highest is drawn.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import pairwise
from statistics import median

__all__ = ["columns_of", "level_plot", "level_spark", "sparkline"]

_BLOCKS = " ▁▂▃▄▅▆▇█"
#: The same in ASCII: the upper half of a cell is not told from the lower one.
_ASCII_BLOCKS = "   ....##"
_SPARKS = "·▁▂▃▄▅▆▇█"
_ASCII_SPARKS = ".,:-=+*%#"
#: Levels on one line: an eighth is not seen in ASCII, characters of growing weight are.
_LEVELS = "▁▂▃▄▅▆▇█"
_ASCII_LEVELS = ".:-=+*%#"
#: A value is drawn on up to the next one, if that is not further away than so many usual distances.
_LONGEST_GAP = 4


def sparkline(counts: Sequence[int], *, ascii_only: bool = False) -> str:
    """Return one character per count; the largest is the highest, and only 0 is a dot.

    Args:
        counts: None below 0.
        ascii_only: Whether to draw with ASCII characters.
    """
    sparks = _ASCII_SPARKS if ascii_only else _SPARKS
    most = max(counts, default=0)
    return "".join(sparks[-(-count * 8 // most)] if count else sparks[0] for count in counts)


def level_spark(
    values: Sequence[int | None], *, width: int, top: int | None = None, ascii_only: bool = False
) -> str:
    """Return a level over time on one line: a character for each value, or for several; a blank where nothing is known.

    Args:
        values: By time.
        width: Most columns; where there are more values, the highest of neighbours is drawn.
        top: The level that is highest; larger ones are cut. None for the highest of the values.
        ascii_only: Whether to draw with ASCII characters.
    """
    levels = _ASCII_LEVELS if ascii_only else _LEVELS
    columns = max(min(width, len(values)), 0)
    shared: list[int | None] = [None] * columns
    for place, value in enumerate(values if columns else ()):
        column = place * columns // len(values)
        before = shared[column]
        if value is not None and (before is None or value > before):
            shared[column] = value
    known = [value for value in shared if value is not None]
    scale = max(max(known, default=0) if top is None else top, 1)
    return "".join(" " if value is None else levels[min(max(value, 0) * 8 // scale, 7)] for value in shared)


def columns_of(
    points: Iterable[tuple[int, int, int]], *, start_ns: int, end_ns: int, width: int
) -> list[int | None]:
    """Return the highest value of each column of a plot, None where nothing is known.

    Between two points the later value of the earlier one goes on, unless they are unusually far apart.

    Args:
        points: Time, highest value, and last value of each point, by time.
        start_ns: Time at the left edge.
        end_ns: Time at the right edge.
        width: Number of columns.
    """
    length_ns = max(end_ns - start_ns, 0) + 1
    highest: dict[int, int] = {}
    last: dict[int, int] = {}
    for time_ns, most, latest in points:
        column = min(max((time_ns - start_ns) * width // length_ns, 0), width - 1)
        highest[column] = max(most, highest.get(column, most))
        last[column] = latest
    columns: list[int | None] = [highest.get(column) for column in range(width)]
    known = sorted(highest)
    gaps = [later - earlier for earlier, later in pairwise(known)]
    longest = _LONGEST_GAP * median(gaps) if gaps else 0
    for earlier, gap in zip(known, gaps, strict=False):
        if gap <= longest:
            columns[earlier + 1 : earlier + gap] = [last[earlier]] * (gap - 1)
    return columns


def level_plot(
    columns: Sequence[int | None], *, top: int, height: int, ascii_only: bool = False
) -> list[str]:
    """Return the lines of a plot, the upper one first: a bar of up to ``height`` lines in each column.

    Args:
        columns: Values, as `columns_of` returns them.
        top: Value at the upper edge, above 0; larger values are cut.
        height: Number of lines.
        ascii_only: Whether to draw with ASCII characters.
    """
    blocks = _ASCII_BLOCKS if ascii_only else _BLOCKS
    eighths = [
        None if value is None else min(max(-(-value * height * 8 // top), 0), height * 8) for value in columns
    ]
    return [
        "".join(
            " " if filled is None else blocks[min(max(filled - 8 * (height - 1 - line), 0), 8)]
            for filled in eighths
        )
        for line in range(height)
    ]
