"""Everything that goes to stdout, and nothing else does: answers only."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from stormlog.cli import formats
from stormlog.cli.diagnostics import use_colour
from stormlog.cli.formats import Answer

__all__ = ["discard", "flush", "is_terminal", "print_answer", "print_text"]

_WRITERS: dict[str, Callable[[Answer], Iterator[str]]] = {
    "json": formats.json_chunks,
    "jsonl": formats.jsonl_lines,
    "csv": formats.csv_lines,
    "markdown": formats.markdown_lines,
    "table": formats.plain_table_lines,
}


def print_answer(answer: Answer, format_name: str, *, no_colour: bool = False) -> None:
    """Print rows.

    Args:
        answer: The rows.
        format_name: One of `formats.FORMATS`. A table is laid out for people where stdout is a terminal
            of known width, and plain where it is not.
        no_colour: Whether the user asked for no colours.
    """
    width = _terminal_width() if format_name == "table" else None
    if width is None or not answer.rows:
        _write(_WRITERS[format_name](answer))
        return
    # Nobody else needs rich, which takes a while to import.
    from stormlog.cli.terminal import print_terminal_table

    _prepare()
    print_terminal_table(answer, sys.stdout, width=width, colour=use_colour(sys.stdout, no_colour))


def is_terminal() -> bool:
    """Tell whether answers go to a terminal of known width."""
    return _terminal_width() is not None


def print_text(text: str) -> None:
    """Print text that is laid out already."""
    _write([text])


def flush() -> None:
    """Write out what is buffered.

    Raises:
        BrokenPipeError: nobody reads it any more.
    """
    sys.stdout.flush()


def discard() -> None:
    """Send the rest of stdout nowhere, so that the interpreter does not trip over it at exit."""
    try:
        descriptor = sys.stdout.fileno()
    except (OSError, ValueError):
        return
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, descriptor)
    os.close(nowhere)


def _write(chunks: Iterable[str]) -> None:
    _prepare()
    write = sys.stdout.write
    for chunk in chunks:
        write(chunk)


def _prepare() -> None:
    # Rows may hold text that the terminal's encoding has no letters for, and CSV brings its own line ends.
    reconfigure: Any = getattr(sys.stdout, "reconfigure", None)
    if reconfigure is not None:
        reconfigure(errors="backslashreplace", newline="")


def _terminal_width() -> int | None:
    if not sys.stdout.isatty():
        return None
    named = os.environ.get("COLUMNS", "")
    if named.isdecimal() and int(named) > 0:
        return int(named)
    try:
        return os.get_terminal_size(sys.stdout.fileno()).columns or None
    except (OSError, ValueError):
        return None
