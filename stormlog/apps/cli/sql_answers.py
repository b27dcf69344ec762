"""Runs one statement of a user, and prints its rows or writes them to a file, as many as are wanted."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import click

from stormlog._names import distinct_names
from stormlog._values import frozen_class
from stormlog.apps.cli.answers import Request, open_store, reading
from stormlog.apps.cli.exit_codes import ExitCode
from stormlog.apps.cli.printing import diagnostics, output
from stormlog.apps.cli.printing.formats import STREAMED_FORMATS, Answer
from stormlog.errors import QueryError

if TYPE_CHECKING:
    from stormlog.query import QueryStore

__all__ = ["SqlRequest", "answer_sql", "attach_all", "output_format", "seconds_of", "size_of"]

#: Suffix of a file -> its format.
_SUFFIXES = {".parquet": "parquet", ".arrow": "arrow", ".csv": "csv", ".jsonl": "jsonl", ".ndjson": "jsonl"}
_MISSING = re.compile(r"Values were not provided for the following parameters: (.+)")
_BINARY = ("parquet", "arrow")
#: Formats whose rows stand below each other in columns: more columns than these are no table.
_TABLES = ("table", "markdown")
_MOST_TABLE_COLUMNS = 2_000
_HEADER_LINES = 2
#: What ends a list of JSON.
_JSON_END_BYTES = 3


@frozen_class
class SqlRequest:
    """What is asked for, besides what every command that reads is told.

    Args:
        text: The statement.
        parameters: Its values, by name.
        attached: Files to make tables of, by name.
        output: The file to write; None prints.
        replaces: Whether a file that exists may be replaced.
        limit: Most rows; None for all.
        most_bytes: Most bytes of text; None for any.
        timeout_s: Seconds after which the statement is stopped; None for never.
    """

    text: str
    parameters: Mapping[str, Any]
    attached: Mapping[str, str]
    output: str | None = None
    replaces: bool = False
    limit: int | None = None
    most_bytes: int | None = None
    timeout_s: float | None = None


def output_format(path: str, named: str | None) -> str:
    """Return the format of a file that is written.

    Args:
        path: The file.
        named: The format that an option names; None if none does.

    Raises:
        click.BadParameter: the suffix is none of those that are known, or says something else than the option.
    """
    found = _SUFFIXES.get(Path(path).suffix.lower())
    if found is None:
        known = ", ".join(_SUFFIXES)
        raise click.BadParameter(f"{path!r}: its end says the format; there are {known}.", param_hint="'-o'")
    if named not in (None, found):
        raise click.BadParameter(f"{path!r} is {found}, and the format {named} was named.", param_hint="'-o'")
    return found


def size_of(text: str | None) -> int | None:
    """Return the bytes of ``--max-bytes``.

    Raises:
        click.BadParameter: it is no size.
    """
    from stormlog._sizes import parse_size

    size = None if text is None else parse_size(text)
    if text is not None and size is None:
        raise click.BadParameter(f"{text!r} is no size such as 100KB or 5MiB.", param_hint="'--max-bytes'")
    return size


def seconds_of(text: str | None) -> float | None:
    """Return the seconds of ``--timeout``.

    Raises:
        click.BadParameter: it is no time above zero.
    """
    if text is None:
        return None
    from stormlog._times import parse_duration

    try:
        seconds = parse_duration(text) / 1e9
    except ValueError as error:
        raise click.BadParameter(f"{error}.", param_hint="'--timeout'") from error
    if seconds <= 0:
        raise click.BadParameter(f"{text!r} leaves no time.", param_hint="'--timeout'")
    return seconds


def answer_sql(wanted: SqlRequest, request: Request) -> None:
    """Run a statement and print its rows, or write them.

    Args:
        wanted: The statement and where its rows go.
        request: How the paths are read; its format is that of the rows.

    Raises:
        ValueError: a file must not be written, or a setting or a name of a table is wrong.
        SourceError: nothing to read, or a file to attach cannot be read.
        QueryError: the statement was refused, failed or took too long.
        OSError: the file cannot be written.
    """
    if wanted.most_bytes is not None and request.format_name in _BINARY:
        raise click.UsageError("--max-bytes counts text: use --limit for Parquet and Arrow.")
    with open_store(request) as store, ExitStack() as watching:
        if wanted.output is not None:
            _require_output(wanted, store)
        with (
            reading(store, watching, request),
            _limited_time(store, wanted, request),
            _explained_parameters(wanted.parameters),
        ):
            attach_all(store, wanted.attached, quiet=request.quiet)
            if wanted.output is None:
                _print(store, wanted, request)
            else:
                _write(store, wanted, request)
        if not request.quiet:
            diagnostics.print_skipped(diagnostics.notices(store), _HINT)


_HINT = '"SELECT * FROM rejects" shows every skipped line, "SELECT * FROM catalog_warnings" the rest'


def attach_all(store: QueryStore, attached: Mapping[str, str], *, quiet: bool) -> None:
    """Make a table of each file; what was changed for it is said on stderr.

    Raises:
        ValueError: a name is that of a view.
        SourceError: a file cannot be read.
    """
    for name, file in attached.items():
        table = store.attach(name, file)
        for note in table.notes if not quiet else ():
            diagnostics.print_message(f"{file}: {note}", "Note")


@contextmanager
def _limited_time(store: QueryStore, wanted: SqlRequest, request: Request) -> Iterator[None]:
    from stormlog.query.deadlines import deadline

    def give_up(error: QueryError) -> None:
        from stormlog._new_files import remove_unfinished

        remove_unfinished()
        store.abandon()
        diagnostics.print_error(error, "query_failed", as_json=request.format_name in ("json", "jsonl"))
        os._exit(ExitCode.QUERY)

    with deadline(store.interrupt, wanted.timeout_s, give_up):
        yield


@contextmanager
def _explained_parameters(parameters: Mapping[str, Any]) -> Iterator[None]:
    """Say how a parameter is given where DuckDB has none, or none of the right type."""
    try:
        yield
    except QueryError as error:
        text = str(error)
        missing = _MISSING.search(text)
        numbers = [name for name, value in parameters.items() if isinstance(value, (int, float))]
        if missing is not None:
            hint = f"there is no value for ${missing[1]}: give it with -p {missing[1].split(', ')[0]}=VALUE"
        elif "Conversion Error" in text and numbers:
            hint = f"{text}\nWithin double quotes a parameter is text: -p '{numbers[0]}=\"{parameters[numbers[0]]}\"'"
        else:
            raise
        raise QueryError(hint.removeprefix("sql: "), statement=error.statement, sql=error.sql) from error


def _print(store: QueryStore, wanted: SqlRequest, request: Request) -> None:
    rows = _Rows(store, wanted, request)
    with rows:
        if wanted.most_bytes is None:
            output.print_answer(rows.answer, request.format_name, no_colour=request.no_colour)
        else:
            output.print_chunks(rows.chunks(), request.format_name)
        output.flush()
    rows.announce()


def _require_output(wanted: SqlRequest, store: QueryStore) -> None:
    from stormlog._new_files import require_writable_target

    assert wanted.output is not None
    # A number sign may begin the name of a table, or be part of the name of the file.
    attached = {
        os.path.realpath(path)
        for file in wanted.attached.values()
        for path in (file, file.rpartition("#")[0])
    }
    if os.path.realpath(wanted.output) in attached:
        raise ValueError(f"{wanted.output} is attached: write to another file")
    require_writable_target(wanted.output, replaces=wanted.replaces, kept=store.catalog.opened)


def _write(store: QueryStore, wanted: SqlRequest, request: Request) -> None:
    from stormlog._new_files import new_file

    assert wanted.output is not None
    with new_file(wanted.output, replaces=wanted.replaces, kept=store.catalog.opened) as stream:
        row_count = (_write_batches if request.format_name in _BINARY else _write_text)(
            store, wanted, request, stream
        )
    if not request.quiet:
        size = os.path.getsize(wanted.output)
        diagnostics.print_message(
            f"{wanted.output}: {row_count:,} {'row' if row_count == 1 else 'rows'}, {size:,} bytes"
        )


def _write_batches(store: QueryStore, wanted: SqlRequest, request: Request, stream: IO[bytes]) -> int:
    from stormlog.query.result_files import RowLimit, write_batches

    limit = RowLimit(wanted.limit)
    write_batches(store.iter_arrow(wanted.text, wanted.parameters), stream, request.format_name, limit)
    if limit.was_reached:
        _announce(
            f"{wanted.output} has the first {limit.row_count:,} rows: --limit leaves out the others", request
        )
    return limit.row_count


def _write_text(store: QueryStore, wanted: SqlRequest, request: Request, stream: IO[bytes]) -> int:
    with _Rows(store, wanted, request) as rows:
        for chunk in rows.chunks():
            stream.write(chunk.encode("utf-8", "backslashreplace"))
    rows.announce()
    return rows.row_count


def _announce(text: str, request: Request) -> None:
    if not request.quiet:
        diagnostics.print_message(text, "Note")


class _Rows:
    """The rows of a statement as they are printed, up to the limits that were set."""

    def __init__(self, store: QueryStore, wanted: SqlRequest, request: Request) -> None:
        self._limit = wanted.limit
        self._most_bytes = wanted.most_bytes
        self._request = request
        self._stream = store.iter_sql(wanted.text, wanted.parameters)
        self.row_count = 0
        self._is_full = self._has_more = False
        names = distinct_names(self._stream.columns)
        if request.format_name in _TABLES and len(names) > _MOST_TABLE_COLUMNS:
            self._stream.close()
            raise ValueError(
                f"the statement has {len(names):,} columns, and a table shows at most {_MOST_TABLE_COLUMNS:,}: "
                "choose --csv or --jsonl, or fewer columns"
            )
        records = self._records(names)
        is_streamed = request.format_name in STREAMED_FORMATS
        self.answer = Answer(records if is_streamed else list(records), names=names)

    def __enter__(self) -> _Rows:
        return self

    def __exit__(self, *_: object) -> None:
        self._stream.close()

    def _records(self, names: list[str]) -> Iterator[dict[str, Any]]:
        for row in self._stream:
            if self._is_full:
                return
            if self._limit is not None and self.row_count >= self._limit:
                self._has_more = True
                return
            self.row_count += 1
            yield dict(zip(names, row, strict=True))
            if self.row_count == 1 and self._request.format_name in STREAMED_FORMATS:
                # Whoever reads a pipe need not wait for a full buffer to see that there are rows.
                sys.stdout.flush()

    def chunks(self) -> Iterable[str]:
        """Yield the text of all rows, in whole rows up to the size that was asked for."""
        is_json = self._request.format_name == "json"
        is_table = self._request.format_name in _TABLES
        left = None if self._most_bytes is None else self._most_bytes - (_JSON_END_BYTES if is_json else 0)
        is_first, lines = True, 0
        for chunk in output.answer_chunks(self.answer, self._request.format_name):
            is_end = is_json and chunk in ("[]\n", "\n]\n")
            if left is not None and not is_end:
                left -= len(chunk.encode("utf-8", "backslashreplace"))
                if left < 0:
                    self._is_full = True
                    # Of a table, all rows were laid out before the first line.
                    self.row_count = max(0, lines - _HEADER_LINES) if is_table else self.row_count - 1
                    if not is_json:
                        return
                    continue
            if is_end and is_first:
                # Not even the first row found room.
                chunk = "[]\n"
            is_first = False
            lines += 1
            yield chunk

    def announce(self) -> None:
        """Say on stderr what a limit left out."""
        rows = f"{self.row_count:,} {'row' if self.row_count == 1 else 'rows'}"
        if self._is_full:
            _announce(f"{rows} within --max-bytes; there are more", self._request)
        elif self._has_more:
            _announce(f"the first {rows}; --limit leaves out the others", self._request)
