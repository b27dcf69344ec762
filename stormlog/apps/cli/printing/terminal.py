"""Tables on a terminal: coloured, and never wider than the window.

The promise: the cells are those of a table in a pipe. Where the window is too narrow, texts are broken into lines,
paths lose their beginning, and whole columns are left out; the line below the table says which.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import zip_longest
from typing import IO

from stormlog.apps.cli.options.targets import Column
from stormlog.apps.cli.printing.cells import is_right_aligned, is_time
from stormlog.apps.cli.printing.formats import Answer, aligned
from stormlog.presenting import cell_width, wrapped

__all__ = ["print_terminal_table"]

#: A column of text gets at least this many characters, if its content is that long.
_LEAST_TEXT_WIDTH = 16
#: And this many before columns are shown that can be done without.
_GOOD_TEXT_WIDTH = 24
#: Columns of this rank and above can be done without.
_DISPENSABLE_RANK = 4
#: A column of paths gets at least this many.
_LEAST_PATH_WIDTH = 24
#: The date, with the time of day below it, in seconds or with milliseconds.
_LEAST_TIME_WIDTHS = {"time": 10, "date": 10, "instant": 12}
#: Words and ids that are longer are broken into lines like texts.
_MOST_WORD_WIDTH = 40
_GAP = "  "

_STYLES = {
    "severity": {"critical": "1;31", "error": "31", "warning": "33", "info": "36"},
    "status": {"completed": "32", "running": "36", "interrupted": "33", "incomplete": "33"},
}
_BOLD, _DIM = "1", "2"


def print_terminal_table(answer: Answer, file: IO[str], *, width: int, colour: bool) -> None:
    """Print at least one row as a table.

    Args:
        answer: The rows.
        file: A terminal.
        width: Of the terminal, in characters.
        colour: Whether to use any styles.
    """
    columns = answer.readable_columns()
    headers = answer.headers(columns)
    rows = list(answer.cells(columns))
    natural = [max(map(cell_width, texts)) for texts in zip(headers, *rows, strict=True)]
    # Where the most important texts may take several lines, times may as well.
    may_fold = any(column.kind == "text" and column.rank == 0 for column in columns)
    least = [
        needed if is_time(column) and not may_fold else _least_width(column, header, needed)
        for column, header, needed in zip(columns, headers, natural, strict=True)
    ]
    shown = _fitting(columns, least, natural, width)
    layout = _layout(
        [columns[i] for i in shown], [least[i] for i in shown], [natural[i] for i in shown], width
    )
    styles = [_BOLD if colour else ""] * len(layout)
    for line in _lines([headers[i] for i in shown], layout, styles):
        file.write(line)
    file.write(_GAP.join("-" * column_width for _, column_width in layout) + "\n")
    for row in rows:
        cells = [row[i] for i in shown]
        styles = [
            _style(column, cell) if colour else "" for (column, _), cell in zip(layout, cells, strict=True)
        ]
        for line in _lines(cells, layout, styles):
            file.write(line)
    hidden = [header for i, header in enumerate(headers) if i not in shown]
    if hidden:
        for line in wrapped(f"Not shown at this width: {', '.join(hidden)}", max(width, 2)):
            file.write(_styled(line, _DIM if colour else "") + "\n")


def _fitting(
    columns: Sequence[Column], least: Sequence[int], natural: Sequence[int], width: int
) -> list[int]:
    """Return which columns fit, the most important first in line; one always stays."""
    shown: list[int] = []
    for index in sorted(range(len(columns)), key=lambda index: (columns[index].rank, index)):
        is_dispensable = columns[index].rank >= _DISPENSABLE_RANK
        needed = len(_GAP) * len(shown)
        for other in (*shown, index):
            is_text = is_dispensable and columns[other].kind == "text"
            good = min(natural[other], _GOOD_TEXT_WIDTH) if is_text else 0
            needed += max(least[other], good)
        if needed <= width or not shown:
            shown.append(index)
    return sorted(shown)


def _least_width(column: Column, header: str, natural: int) -> int:
    if column.kind == "path":
        return min(natural, _LEAST_PATH_WIDTH)
    if is_time(column):
        return min(natural, _LEAST_TIME_WIDTHS[column.kind])
    if column.kind in ("text", "list", "fields") or natural > _MOST_WORD_WIDTH:
        return min(natural, max(_LEAST_TEXT_WIDTH, cell_width(header)))
    return natural


def _layout(
    columns: Sequence[Column], least: Sequence[int], natural: Sequence[int], width: int
) -> list[tuple[Column, int]]:
    """Return columns with their widths: the least each, and what is left over to those that would need more."""
    widths = [min(column_width, width) for column_width in least]
    spare = width - sum(widths) - len(_GAP) * (len(widths) - 1)
    for index, column in enumerate(columns):
        # A time is on one line or on two: part of what it would need is of no use.
        others = sum(
            max(min(needed, _GOOD_TEXT_WIDTH) - given, 0)
            for needed, given, other in zip(natural, widths, columns, strict=True)
            if not is_time(other)
        )
        if is_time(column) and natural[index] - widths[index] <= spare - others:
            spare -= natural[index] - widths[index]
            widths[index] = natural[index]
    while spare > 0:
        growing = [i for i, column in enumerate(columns) if widths[i] < natural[i] and not is_time(column)]
        if not growing:
            break
        for index in growing[:spare]:
            widths[index] += 1
        spare -= min(spare, len(growing))
    return list(zip(columns, widths, strict=True))


def _lines(
    cells: Sequence[str], layout: Sequence[tuple[Column, int]], styles: Sequence[str]
) -> Iterator[str]:
    """Yield the lines of one row."""
    parts = [_broken(cell, column, width) for cell, (column, width) in zip(cells, layout, strict=True)]
    for line in zip_longest(*parts, fillvalue=""):
        texts = [
            _styled(aligned(part, width, is_right_aligned(column)), style)
            for part, (column, width), style in zip(line, layout, styles, strict=True)
        ]
        yield _GAP.join(texts).rstrip() + "\n"


def _broken(text: str, column: Column, width: int) -> list[str]:
    if cell_width(text) <= width:
        return [text]
    if column.kind == "path" and width > 1:
        # What tells paths apart is mostly at their ends.
        return ["…" + _end(text, width - 1)]
    return wrapped(text, width) if width > 1 else list(text)


def _end(text: str, width: int) -> str:
    end = text[-width:]
    while cell_width(end) > width:
        end = end[1:]
    return end


def _style(column: Column, text: str) -> str:
    return _DIM if text == "-" else _STYLES.get(column.kind, {}).get(text.lower(), "")


def _styled(text: str, style: str) -> str:
    """Return text in a style, but not the blanks around it."""
    word = text.strip()
    return text.replace(word, f"\x1b[{style}m{word}\x1b[0m", 1) if style and word else text
