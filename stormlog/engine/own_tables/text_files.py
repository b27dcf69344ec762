"""CSV files and JSON lines as rows, by DuckDB's own readers with nothing left for them to guess silently.

They run in a database of their own that holds nothing else, on the descriptor that was opened: a name with ``*`` in it
stands for no other file.
"""

from __future__ import annotations

import contextlib
import csv
import io
import re
from typing import IO, TYPE_CHECKING, Any

from stormlog._names import distinct_names
from stormlog.engine.database.sql_files import quote_identifier, quote_literal

if TYPE_CHECKING:
    import duckdb
    import pyarrow

__all__ = ["csv_rows", "json_rows"]

_BATCH_ROWS = 10_000
#: Longest first line of a CSV file.
_MOST_HEADER_CHARACTERS = 1 << 22
#: Integers that a DOUBLE may round, in the text of a JSON value.
_LONG_INTEGER = r"(^|[^0-9.eE])-?[0-9]{16,}($|[^0-9.eE])"


def csv_rows(
    path: str, stream: IO[bytes], opened: contextlib.ExitStack
) -> tuple[pyarrow.RecordBatchReader, list[str]]:
    """Return the rows of a CSV file, and notes about its header and its types.

    Args:
        path: The file, for messages; one that ends in ``.tsv`` is separated by tabs.
        stream: The file, at its beginning.
        opened: Closes what is needed to read it.

    Raises:
        ValueError: lines have different numbers of fields, or quotes are wrong.
    """
    connection = _scratch(opened)
    text = io.TextIOWrapper(io.BufferedReader(_raw(stream)), encoding="utf-8-sig", newline="")
    delimiter, fields = _first_record(text, is_tabbed=path.lower().endswith(".tsv"))
    dialect = (
        f"{_place(stream)}, delim = {quote_literal(delimiter)}, quote = '\"', escape = '\"', skip = 0, comment = '', "
        "sample_size = -1, strict_mode = true, null_padding = false, ignore_errors = false"
    )
    notes = []
    has_header = True
    options = dialect
    try:
        (has_header,) = _fetched(connection, f"SELECT HasHeader FROM sniff_csv({dialect})", stream, path)
    except ValueError:
        # The search for types says only that it failed; reading without one says in which line.
        plain = ", ".join(f"'c{place}': 'VARCHAR'" for place in range(len(fields)))
        checked = f"{dialect}, header = false, auto_detect = false, columns = {{{plain}}}"
        _fetched(connection, f"SELECT count(*) FROM read_csv({checked})", stream, path)
        options = f"{dialect}, all_varchar = true".replace("strict_mode = true", "strict_mode = false")
        notes.append("the types of its columns could not be told: all are text")
    names = [f"column{place}" for place in range(len(fields))]
    if has_header:
        names = [field.strip() or name for field, name in zip(fields, names, strict=True)]
    else:
        notes.append(f"its first line is no header: the columns are {_shown(names)}")
    distinct = distinct_names(names, ignoring_case=True)
    if distinct != names:
        notes.append(f"its header names columns twice: they are {_shown(distinct)}")
    listed = ", ".join(map(quote_literal, distinct))
    options += f", header = {str(has_header).lower()}, names = [{listed}]"
    return _reader(connection, f"SELECT * FROM read_csv({options})", stream, path), notes


def json_rows(
    path: str, stream: IO[bytes], opened: contextlib.ExitStack
) -> tuple[pyarrow.RecordBatchReader, list[str]]:
    """Return the rows of a file with one JSON object a line, and notes about columns that are kept as JSON.

    Args:
        path: The file, for messages.
        stream: The file, at its beginning.
        opened: Closes what is needed to read it.

    Raises:
        ValueError: a line is no JSON object, or has a key twice.
    """
    connection = _scratch(opened)
    options = f"{_place(stream)}, format = 'newline_delimited', records = true, map_inference_threshold = -1"
    described = f"DESCRIBE SELECT * FROM read_json({options}, sample_size = -1, maximum_depth = -1)"
    types = {row[0]: row[1] for row in _all_fetched(connection, described, stream, path)}
    notes = []
    doubtful = [name for name, kind in types.items() if "DOUBLE" in kind]
    if doubtful:
        as_json = ", ".join(f"{_key(name)}: 'JSON'" for name in types)
        tests = ", ".join(
            f"bool_or(regexp_matches(CAST({quote_identifier(name)} AS VARCHAR), '{_LONG_INTEGER}'))"
            for name in doubtful
        )
        statement = f"SELECT {tests} FROM read_json({options}, columns = {{{as_json}}})"
        found = _fetched(connection, statement, stream, path)
        kept = [name for name, is_rounded in zip(doubtful, found, strict=True) if is_rounded]
        types |= dict.fromkeys(kept, "JSON")
        if kept:
            notes.append(f"integers too long for a number are kept as JSON text in {_shown(kept)}")
    columns = ", ".join(f"{_key(name)}: {quote_literal(kind)}" for name, kind in types.items())
    statement = f"SELECT * FROM read_json({options}, columns = {{{columns}}})"
    return _reader(connection, statement, stream, path), notes


def _scratch(opened: contextlib.ExitStack) -> duckdb.DuckDBPyConnection:
    import duckdb

    settings: dict[str, str | bool | int | float | list[str]] = {
        "autoinstall_known_extensions": False,
        "autoload_known_extensions": False,
        # Types that Arrow has no name for come out as they went in.
        "arrow_lossless_conversion": True,
    }
    return opened.enter_context(contextlib.closing(duckdb.connect(":memory:", config=settings)))


def _place(stream: IO[bytes]) -> str:
    return f"'/dev/fd/{stream.fileno()}'"


def _raw(stream: IO[bytes]) -> io.FileIO:
    """Return the file once more, for a reader that may be thrown away."""
    return io.FileIO(stream.fileno(), closefd=False)


def _first_record(text: IO[str], *, is_tabbed: bool) -> tuple[str, list[str]]:
    """Return the separator of a CSV file, and the fields of its first line that is not blank.

    Raises:
        ValueError: there is none, or it is longer than any header.
    """
    line = ""
    while not line.strip():
        line = text.readline(_MOST_HEADER_CHARACTERS)
        if not line:
            raise ValueError("it is empty: there are no columns")
    outside = re.sub(r'"(?:[^"]|"")*"', "", line)
    delimiter = "\t" if is_tabbed else max(",;\t|", key=outside.count)
    if line.count('"') % 2:
        # A name in quotes goes on in the next line.
        line += text.read(_MOST_HEADER_CHARACTERS)
    if len(line) >= _MOST_HEADER_CHARACTERS:
        raise ValueError("its first line is too long for a header")
    try:
        return delimiter, next(csv.reader(io.StringIO(line, newline=""), delimiter=delimiter, strict=True))
    except csv.Error as error:
        raise ValueError(f"its first line cannot be read: {error}") from error


def _reader(
    connection: duckdb.DuckDBPyConnection, statement: str, stream: IO[bytes], path: str
) -> pyarrow.RecordBatchReader:
    import duckdb

    try:
        return connection.sql(statement).to_arrow_reader(_BATCH_ROWS)
    except duckdb.Error as error:
        raise ValueError(_message(error, stream, path)) from error


def _fetched(
    connection: duckdb.DuckDBPyConnection, statement: str, stream: IO[bytes], path: str
) -> tuple[Any, ...]:
    (row,) = _all_fetched(connection, statement, stream, path)
    return row


def _all_fetched(
    connection: duckdb.DuckDBPyConnection, statement: str, stream: IO[bytes], path: str
) -> list[tuple[Any, ...]]:
    import duckdb

    try:
        return connection.execute(statement).fetchall()
    except duckdb.Error as error:
        raise ValueError(_message(error, stream, path)) from error


def _message(error: Exception, stream: IO[bytes], path: str) -> str:
    """Return what DuckDB says about a file, without the advice about its own options."""
    text = str(error).replace(f"/dev/fd/{stream.fileno()}", path)
    text = re.split(r"\n\s*(?:Possible|file =|Try |LINE 1:)", text)[0]
    if "expected records" in text:
        return "each line has to be a JSON object"
    if "state machine" in text:
        return "it is no CSV that can be read: its line ends are mixed, or a quote stands where none may be"
    fields = re.search(r"on Line: (\d+).*Expected Number of Columns: (\d+) Found: (\d+)", text, re.DOTALL)
    if fields is not None:
        line, expected, found = fields.groups()
        return (
            f"line {line} has {found} {'field' if found == '1' else 'fields'}, and the first line {expected}"
        )
    return " ".join(text.removeprefix("Invalid Input Error: ").split())


def _key(name: str) -> str:
    return quote_literal(name)


def _shown(names: list[str]) -> str:
    return ", ".join(names[:5]) + (f", and {len(names) - 5:,} more" if len(names) > 5 else "")
