"""Everything that goes to stdout, and nothing else does: answers only.

The promise: control characters of files, paths and arguments do not reach a terminal.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from stormlog.apps.cli.printing import formats, streams
from stormlog.apps.cli.printing.diagnostics import use_colour
from stormlog.apps.cli.printing.formats import Answer
from stormlog.presenting import printable

__all__ = [
    "answer_chunks",
    "discard",
    "draws_blocks",
    "flush",
    "is_terminal",
    "print_answer",
    "print_chunks",
    "print_styled",
    "print_text",
    "print_utf8",
    "terminal_width",
]

#: Columns of a terminal that does not say how many it has.
_USUAL_WIDTH = 80

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
        format_name: One of `formats.FORMATS`. A table fits the terminal that stdout is, and is as wide as it needs to
            be where stdout is none.
        no_colour: Whether the user asked for no colours.
    """
    width = terminal_width() if format_name == "table" else None
    if width is None or not answer.rows:
        chunks = _WRITERS[format_name](answer)
        _write(map(_csv_for_terminal, chunks) if format_name == "csv" and sys.stdout.isatty() else chunks)
        return
    from stormlog.apps.cli.printing.terminal import print_terminal_table

    _prepare()
    print_terminal_table(answer, sys.stdout, width=width, colour=use_colour(sys.stdout, no_colour))


def answer_chunks(answer: Answer, format_name: str) -> Iterator[str]:
    """Return the text of rows, as it stands in a file: a line of a table, or a row of another format, at a time."""
    return _WRITERS[format_name](answer)


def print_chunks(chunks: Iterable[str], format_name: str) -> None:
    """Print what `answer_chunks` returned, or a part of it."""
    _write(map(_csv_for_terminal, chunks) if format_name == "csv" and sys.stdout.isatty() else chunks)


def is_terminal() -> bool:
    """Tell whether answers go to a terminal."""
    return terminal_width() is not None


def draws_blocks() -> bool:
    """Tell whether stdout shows characters beyond ASCII."""
    encoding = (getattr(sys.stdout, "encoding", None) or "").lower().replace("-", "").replace("_", "")
    return encoding == "utf8" and os.environ.get("TERM") != "dumb"


def print_text(text: str) -> None:
    """Print text that is laid out in lines; control characters in them are escaped."""
    _write([text if text.isascii() and text.replace("\n", "").isprintable() else _printable_lines(text)])


def print_styled(text: str) -> None:
    """Print text as it is: its colours and cursor movements are those of Stormlog."""
    _write([text])


def print_utf8(texts: Iterable[str]) -> None:
    """Print lines of a format that is UTF-8 whatever the terminal takes; what a terminal shows is escaped."""
    if sys.stdout.isatty():
        _write(map(_printable_lines, texts))
        return
    flush()
    sys.stdout.buffer.writelines(map(str.encode, texts))


def _printable_lines(text: str) -> str:
    return "\n".join(map(printable, text.split("\n")))


def _csv_for_terminal(chunk: str) -> str:
    # What programs read from a pipe is what the files say; nobody parses a terminal.
    return "\r\n".join(map(printable, chunk.split("\r\n")))


def flush() -> None:
    """Write out what is buffered.

    Raises:
        BrokenPipeError: nobody reads it any more.
    """
    sys.stdout.flush()


def discard() -> None:
    """Send the rest of stdout nowhere."""
    streams.discard(sys.stdout)


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


def terminal_width() -> int | None:
    """Return the columns of the terminal that stdout is, 80 where it does not say; None for a file or a pipe."""
    if not sys.stdout.isatty():
        return None
    named = os.environ.get("COLUMNS", "")
    if named.isdecimal() and int(named) > 0:
        return int(named)
    try:
        return os.get_terminal_size(sys.stdout.fileno()).columns or _USUAL_WIDTH
    except (OSError, ValueError):
        return _USUAL_WIDTH
