"""Everything that goes to stderr: errors, warnings, notes, and the progress bar.

The promise: nothing else writes there. An error is one line (one JSON object if JSON was asked for), and never a
traceback unless ``STORMLOG_TRACEBACK`` is set. Text of files, paths and arguments has its control characters escaped.
"""

from __future__ import annotations

import errno
import json
import os
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from time import monotonic
from typing import TYPE_CHECKING, Any, NamedTuple

import click

from stormlog.apps.cli.printing.json_text import without_delete
from stormlog.apps.cli.printing.streams import discard
from stormlog.errors import (
    OutOfRoomError,
    QueryError,
    SourceError,
    StormlogError,
    TrackingError,
    UnknownIdError,
)
from stormlog.presenting import printable

if TYPE_CHECKING:
    from stormlog._progress import Progress
    from stormlog.apps.cli.documents import ErrorDocument
    from stormlog.query import QueryStore, UnmatchedFilter
    from stormlog.tracking import SkippedInput

__all__ = [
    "NOTICE_LIMIT",
    "Notice",
    "is_foreseen",
    "is_out_of_memory",
    "notices",
    "notices_of_report",
    "one_line",
    "print_error",
    "print_message",
    "print_skipped",
    "print_unmatched",
    "progress_bar",
    "progress_line",
    "use_colour",
]

#: Most lines of notices that one answer prints.
NOTICE_LIMIT = 10

_KIND_COLOURS = {"Error": "red", "Warning": "yellow", "Note": "cyan"}
_PROGRESS_DELAY_S = 1.0
_PROGRESS_STEP_S = 0.1
_BAR_WIDTH = 30


class Notice(NamedTuple):
    """Something to say about a file.

    Attributes:
        path: The file.
        text: A sentence, or what follows the path in one.
        is_note: Whether nothing is wrong with it.
    """

    path: str
    text: str
    is_note: bool = False


def use_colour(stream: Any, no_colour: bool = False) -> bool:
    """Tell whether to colour what goes to ``stream``.

    Args:
        stream: ``sys.stdout`` or ``sys.stderr``.
        no_colour: Whether the user asked for none. ``NO_COLOR`` (any value but '') does as well.
    """
    if no_colour or os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb":
        return False
    return _is_terminal(stream)


def is_foreseen(error: BaseException) -> bool:
    """Tell whether an exception is one that Stormlog raises on purpose."""
    return isinstance(error, (StormlogError, ValueError, OSError, click.ClickException))


def one_line(message: str) -> str:
    """Return a message without line breaks, and without the carets that point into a statement."""
    lines = [" ".join(line.split()) for line in message.splitlines()]
    return " ".join(line for line in lines if line.strip("^~ "))


def print_error(error: BaseException, code: str, *, as_json: bool) -> None:
    """Report why a command failed.

    Args:
        error: What was raised.
        code: Its name for programs.
        as_json: Print ``{"error": {"code", "message", "details"}}`` instead of a line.
    """
    message = _message(error)
    if as_json:
        document: ErrorDocument = {"error": {"code": code, "message": message, "details": _details(error)}}
        print_message(without_delete(json.dumps(document)))
    elif isinstance(error, (KeyboardInterrupt, click.Abort)):
        if _is_terminal(sys.stderr):
            # The terminal has echoed ^C on this line.
            print_message("")
        print_message(message)
    else:
        print_message(message, "Error")
    if os.environ.get("STORMLOG_TRACEBACK"):
        import traceback

        for line in "".join(traceback.format_exception(error)).splitlines():
            print_message(line)


def print_message(text: str, kind: str | None = None) -> None:
    """Print one line to stderr; control characters are escaped.

    Args:
        text: What to say.
        kind: ``Error``, ``Warning`` or ``Note``; it stands before the text, with a colon.
    """
    label = "" if kind is None else _styled(f"{kind}:", _KIND_COLOURS[kind]) + " "
    _write(f"{label}{printable(text)}\n")


def is_out_of_memory(error: BaseException) -> bool:
    """Tell whether the system refused memory, to Python or to a library that is loaded."""
    if isinstance(error, OSError):
        return error.errno == errno.ENOMEM
    if type(error).__name__ == "OutOfMemoryException":
        # Of DuckDB, which may not be loaded.
        return True
    # Loading a library, and starting a thread, need memory too.
    refused = isinstance(error, (ImportError, RuntimeError)) and any(
        words in str(error)
        for words in ("failed to map segment", "annot allocate memory", "can't start new thread")
    )
    return refused or isinstance(error, MemoryError)


def _without_names_of_types(message: str) -> str:
    """Say what a number should have been: click names the class of the parameter, such as "a valid float range"."""
    for name, meaning in (("integer", "a whole number"), ("float", "a number")):
        message = message.replace(f"is not a valid {name} range.", f"is not {meaning}.")
        message = message.replace(f"is not a valid {name}.", f"is not {meaning}.")
    return message


def _message(error: BaseException) -> str:
    if isinstance(error, (KeyboardInterrupt, click.Abort)):
        return "Interrupted."
    if isinstance(error, click.UsageError):
        where = "" if error.ctx is None else f" See '{error.ctx.command_path} --help'."
        return _without_names_of_types(one_line(error.format_message())) + where
    if isinstance(error, click.ClickException):
        return one_line(error.format_message())
    if isinstance(error, OutOfRoomError):
        sentence = error.explain("--memory-limit", "--spill-limit", "--spill-dir")
        return f"{sentence[0].upper()}{sentence[1:]}."
    if is_out_of_memory(error):
        return (
            "out of memory: the system gives no more; read less at a time, or allow less with --memory-limit."
        )
    text = one_line(str(error))
    if isinstance(error, OSError) and error.strerror:
        where = "" if error.filename is None else f"{error.filename}: "
        return one_line(f"{where}{error.strerror}")
    if is_foreseen(error):
        return text or type(error).__name__
    return (
        f"{type(error).__name__}: {text}. This is a defect of Stormlog; "
        "run again with STORMLOG_TRACEBACK=1 to see where."
    )


def _details(error: BaseException) -> dict[str, Any]:
    if isinstance(error, SourceError):
        return {"path": error.path, "line": error.line}
    if isinstance(error, QueryError):
        return {"statement": error.statement, "sql": error.sql}
    if isinstance(error, TrackingError):
        return error.details
    if isinstance(error, UnknownIdError):
        return {f"{error.kind}_id": error.name}
    if isinstance(error, click.UsageError) and error.ctx is not None:
        return {"command": error.ctx.command_path}
    return {}


def notices(store: QueryStore) -> list[Notice]:
    """Return everything that a store skipped so far, and a cache that cannot be used."""
    warnings = [*store.catalog.warnings, *([store.cache_warning] if store.cache_warning else [])]
    found = [Notice(lines.path, lines.sentence) for lines in store.skipped_lines()] + [
        Notice(warning.path, warning.message, warning.is_note) for warning in warnings
    ]
    # Where there are too many, what is lost is shown before what is not.
    return sorted(found, key=lambda notice: notice.is_note)


def notices_of_report(warnings: Sequence[SkippedInput]) -> list[Notice]:
    """Return what the report of a scan or a gate says was skipped."""
    from stormlog.query import CatalogWarning

    found = [CatalogWarning(item["path"], item["message"], item.get("code", "")) for item in warnings]
    notices = [Notice(warning.path, warning.message, warning.is_note) for warning in found]
    return sorted(notices, key=lambda notice: notice.is_note)


def print_unmatched(unmatched: Sequence[UnmatchedFilter]) -> None:
    """Print which filters match nothing, and what there is instead."""
    for found in unmatched:
        print_message(str(found), "Note")


def print_skipped(
    notices: Sequence[Notice | tuple[str, str]],
    hint: str = '--sql "SELECT * FROM rejects" shows every skipped line, "SELECT * FROM catalog_warnings" the rest',
) -> None:
    """Print what was skipped, at most `NOTICE_LIMIT` lines of it.

    Args:
        notices: What to say, or pairs of path and sentence.
        hint: Where the rest can be seen.
    """
    shown = notices if len(notices) <= NOTICE_LIMIT else notices[: NOTICE_LIMIT - 1]
    for path, text, is_note in (Notice(*notice) for notice in shown):
        # Some sentences begin with their path themselves.
        sentence = one_line(text if text.startswith(f"{path}:") else f"{path}: {text}")
        print_message(sentence, "Note" if is_note else "Warning")
    if len(shown) < len(notices):
        more = len(notices) - len(shown)
        print_message(f"... and {more:,} more; {hint}")


@contextmanager
def progress_bar(progress: Callable[[], Progress | None], *, enabled: bool = True) -> Iterator[None]:
    """Draw how far the statement inside is, if it takes long and stderr is a terminal.

    Args:
        progress: Returns how much was read, or None where nothing is; called from another thread.
        enabled: False draws nothing.
    """
    if not enabled or not _is_terminal(sys.stderr) or os.environ.get("TERM") == "dumb":
        yield
        return
    done = threading.Event()
    drawer = threading.Thread(target=_draw, args=(progress, done), name="stormlog-progress", daemon=True)
    drawer.start()
    try:
        yield
    finally:
        done.set()
        drawer.join()


def progress_line(progress: Progress | None, elapsed_s: float, turn: int) -> str:
    """Return the bar, what was read and how fast.

    Args:
        progress: Bytes read, and bytes to read; None if there is nothing to read any more.
        elapsed_s: How long it has been reading.
        turn: Number of lines before this one: what cannot be measured moves at least.
    """
    if progress is None or progress.bytes_total <= 0:
        return f"[{' ' * (turn % _BAR_WIDTH) + '#':<{_BAR_WIDTH}}] working"
    done = min(progress.bytes_read, progress.bytes_total)
    bar = "#" * (_BAR_WIDTH * done // progress.bytes_total)
    line = f"[{bar:<{_BAR_WIDTH}}] {done / 1e6:,.0f} of {progress.bytes_total / 1e6:,.0f} MB"
    return f"{line}  {done / 1e6 / elapsed_s:,.0f} MB/s" if done and elapsed_s > 0 else line


def _draw(progress: Callable[[], Progress | None], done: threading.Event) -> None:
    started = monotonic()
    total: int | None = None
    if done.wait(_PROGRESS_DELAY_S):
        return
    turn = 0
    while True:
        found = progress()
        if found is not None and total not in (None, found.bytes_total):
            # Another answer, or another part of it, begins to read.
            started = monotonic()
        total = total if found is None else found.bytes_total
        _write(f"\r{progress_line(found, monotonic() - started, turn)}\x1b[K")
        if done.wait(_PROGRESS_STEP_S):
            break
        turn += 1
    _write("\r\x1b[K")


def _styled(text: str, colour: str) -> str:
    return click.style(text, fg=colour, bold=True) if use_colour(sys.stderr) else text


def _is_terminal(stream: Any) -> bool:
    try:
        return bool(stream.isatty())
    except ValueError:
        # Somebody closed it.
        return False


def _write(text: str) -> None:
    try:
        sys.stderr.write(text)
        sys.stderr.flush()
    except (OSError, ValueError):
        # Nobody listens, and there is nowhere to complain.
        discard(sys.stderr)
