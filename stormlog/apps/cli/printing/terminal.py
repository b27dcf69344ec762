"""Tables on a terminal, with rich: coloured, and never wider than the window.

The promise: ids, numbers and times are shown in full, only paths may lose their beginning. Where the
window is too narrow whole columns are left out, and the line below the table says which.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import IO, Any

import rich.box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from stormlog.apps.cli.options.targets import Column
from stormlog.apps.cli.printing.formats import Answer, human_cell, is_right_aligned

__all__ = ["print_terminal_table"]

#: A column of text gets at least this many characters, if its content is that long.
_LEAST_TEXT_WIDTH = 16
#: A column of paths likewise.
_LEAST_PATH_WIDTH = 24
#: Blanks between columns: one of padding, one where rich could draw a line.
_GAP = 2
#: Rows that are laid out at once: rich keeps a segment per cell.
_CHUNK = 200

_SEVERITY_STYLES = {"critical": "bold red", "error": "red", "warning": "yellow", "info": "cyan"}
_STATUS_STYLES = {"completed": "green", "running": "cyan", "interrupted": "yellow", "incomplete": "yellow"}


def print_terminal_table(answer: Answer, file: IO[str], *, width: int, colour: bool) -> None:
    """Print at least one row as a table.

    Args:
        answer: The rows.
        file: A terminal.
        width: Of the terminal, in characters.
        colour: Whether to use any styles.
    """
    columns = answer.readable_columns()
    keys = [column.key for column in columns]
    cells = [
        [human_cell(column, record.get(column.key)) for column in columns]
        for record in answer.light_records(keys)
    ]
    natural = [
        max(len(column.header), *(len(row[index]) for row in cells)) for index, column in enumerate(columns)
    ]
    shown = _fitting(columns, natural, width)
    widths = _shared_out([columns[index] for index in shown], [natural[index] for index in shown], width)
    console = Console(
        file=file,
        width=width,
        force_terminal=True,
        color_system="auto" if colour else None,
        no_color=not colour,
        highlight=False,
        markup=False,
        emoji=False,
        legacy_windows=False,
    )
    for start in range(0, len(cells), _CHUNK):
        table = Table(
            box=rich.box.SIMPLE_HEAD if start == 0 else None,
            show_header=start == 0,
            show_edge=False,
            pad_edge=False,
            padding=(0, _GAP - 1, 0, 0),
            collapse_padding=True,
            header_style="bold" if colour else "",
        )
        for index, column_width in zip(shown, widths, strict=True):
            column = columns[index]
            table.add_column(
                Text(column.header),
                width=column_width,
                justify="right" if is_right_aligned(column) else "left",
                overflow="fold",
            )
        for row in cells[start : start + _CHUNK]:
            table.add_row(
                *(
                    Text(
                        _cut(columns[index], row[index], column_width),
                        _style(columns[index], row[index], colour),
                    )
                    for index, column_width in zip(shown, widths, strict=True)
                )
            )
        console.print(table)
    hidden = [column.header for index, column in enumerate(columns) if index not in shown]
    if hidden:
        note = f"Not shown at this width: {', '.join(hidden)}"
        console.print(Text(note, "dim" if colour else ""), soft_wrap=False)


def _fitting(columns: Sequence[Column], natural: Sequence[int], width: int) -> list[int]:
    """Return which columns fit, dropping the least important first; one always stays."""
    shown = list(range(len(columns)))
    while len(shown) > 1 and _needed([columns[i] for i in shown], [natural[i] for i in shown]) > width:
        shown.remove(max(shown, key=lambda index: (columns[index].rank, index)))
    return shown


def _needed(columns: Sequence[Column], natural: Sequence[int]) -> int:
    return sum(map(_least_width, columns, natural)) + _GAP * (len(columns) - 1)


def _least_width(column: Column, natural: int) -> int:
    if column.kind not in ("text", "path"):
        return natural
    least = _LEAST_TEXT_WIDTH if column.kind == "text" else _LEAST_PATH_WIDTH
    return min(natural, max(least, len(column.header)))


def _shared_out(columns: Sequence[Column], natural: Sequence[int], width: int) -> list[int]:
    """Return widths: the least each, and what is left over to the texts that are longest."""
    widths = list(map(_least_width, columns, natural))
    spare = width - sum(widths) - _GAP * (len(columns) - 1)
    while spare > 0:
        growing = [index for index in range(len(widths)) if widths[index] < natural[index]]
        if not growing:
            break
        for index in growing[:spare]:
            widths[index] += 1
        spare -= min(spare, len(growing))
    return widths


def _cut(column: Column, text: str, width: int) -> str:
    # What tells paths apart is mostly at their ends.
    return "…" + text[1 - width :] if column.kind == "path" and len(text) > width > 1 else text


def _style(column: Column, text: str, colour: bool) -> Any:
    if not colour:
        return ""
    if text == "-":
        return "dim"
    if column.kind == "severity":
        return _SEVERITY_STYLES.get(text.lower(), "")
    if column.kind == "status":
        return _STATUS_STYLES.get(text.lower(), "")
    return ""
