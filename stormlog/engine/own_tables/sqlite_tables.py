"""Tables of SQLite databases as rows, read by Python's own ``sqlite3``.

SQLite says of a value which type it has, not of a column. So each column gets the type that holds all its values.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from stormlog.engine.database.sql_files import quote_identifier

if TYPE_CHECKING:
    import pyarrow

__all__ = ["sqlite_rows"]

_BATCH_ROWS = 10_000
_BUSY_S = 5.0
#: Integers up to this size are exact as floating-point numbers.
_MOST_EXACT = 2**53


def sqlite_rows(
    path: str, table: str | None, opened: contextlib.ExitStack
) -> tuple[pyarrow.RecordBatchReader, list[str]]:
    """Return the rows of a table or a view, and notes about columns that are text because their values differ in type.

    Args:
        path: A SQLite database.
        table: The table; None if none was named.
        opened: Closes the database.

    Raises:
        ValueError: there is no such table, or SQLite cannot read it.
    """
    import pyarrow

    try:
        connection = opened.enter_context(contextlib.closing(_connect(path)))
        connection.execute("BEGIN")
        listed = connection.execute(
            "SELECT name FROM sqlite_master WHERE type IN ('table', 'view') AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' "
            "ORDER BY name"
        )
        tables = [name for (name,) in listed]
        names = {name.lower(): name for name in tables}
        if table is None or table.lower() not in names:
            missing = "name a table behind #" if table is None else f"it has no table {table!r}"
            raise ValueError(f"{missing}; there are {', '.join(tables[:20]) or 'none'}")
        source = quote_identifier(names[table.lower()])
        described = connection.execute(f"SELECT * FROM {source} LIMIT 0").description
        columns = [_column(connection, source, name) for name, *_ in described]
        schema = pyarrow.schema([(column.name, getattr(pyarrow, column.kind)()) for column in columns])
        rows = connection.execute(f"SELECT {', '.join(column.value for column in columns)} FROM {source}")
    except sqlite3.Error as error:
        raise ValueError(_message(error)) from error
    notes = [
        f"values of column {column.name} have several types: they are text"
        for column in columns
        if column.is_mixed
    ]
    return pyarrow.RecordBatchReader.from_batches(schema, _batches(rows, schema)), notes


class _Column(NamedTuple):
    name: str
    kind: str
    value: str
    is_mixed: bool


def _connect(path: str) -> sqlite3.Connection:
    # Without a log or a journal the file is all there is, and need not be locked: nothing is written beside it.
    is_at_rest = not any(
        os.path.exists(path + suffix) and os.path.getsize(path + suffix) for suffix in ("-wal", "-journal")
    )
    address = f"{Path(path).absolute().as_uri()}?mode=ro{'&immutable=1' if is_at_rest else ''}"
    return sqlite3.connect(address, uri=True, isolation_level=None, check_same_thread=False, timeout=_BUSY_S)


def _column(connection: sqlite3.Connection, source: str, name: str) -> _Column:
    """Return the type of Arrow that holds all values of a column, and the expression that gives them."""
    value = quote_identifier(name)
    is_integer = f"typeof({value}) = 'integer'"
    types, least, most = connection.execute(
        f"SELECT group_concat(DISTINCT typeof({value})), min(CASE WHEN {is_integer} THEN {value} END), "
        f"max(CASE WHEN {is_integer} THEN {value} END) FROM {source}"
    ).fetchone()
    found = set((types or "").split(",")) - {"null", ""}
    if found <= {"integer"} and found:
        return _Column(name, "int64", value, False)
    is_exact = least is None or (least >= -_MOST_EXACT and most <= _MOST_EXACT)
    if found and found <= {"integer", "real"} and is_exact:
        return _Column(name, "float64", f"CAST({value} AS REAL)", False)
    if found == {"blob"}:
        return _Column(name, "binary", value, False)
    if "blob" in found:
        text = f"CASE typeof({value}) WHEN 'blob' THEN hex({value}) ELSE CAST({value} AS TEXT) END"
        return _Column(name, "string", text, True)
    return _Column(name, "string", f"CAST({value} AS TEXT)", len(found) > 1)


def _batches(rows: sqlite3.Cursor, schema: pyarrow.Schema) -> Iterator[pyarrow.RecordBatch]:
    import pyarrow

    while True:
        try:
            found: list[tuple[Any, ...]] = rows.fetchmany(_BATCH_ROWS)
        except sqlite3.Error as error:
            raise ValueError(_message(error)) from error
        if not found:
            return
        columns = [
            pyarrow.array(values, type=field.type)
            for field, values in zip(schema, zip(*found, strict=True), strict=True)
        ]
        yield pyarrow.RecordBatch.from_arrays(columns, schema=schema)


def _message(error: sqlite3.Error) -> str:
    return f"SQLite cannot read it: {error}"
