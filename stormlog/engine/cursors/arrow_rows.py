"""Rows of a relation as Arrow, without values that Arrow would get wrong.

DuckDB writes integers of 128 bits as decimals of 38 digits whether or not they fit, and some types in a form that only
DuckDB reads. Here an integer that does not fit is an error, and such a type is text.

Source: docs/sql.md#what-each-format-does.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from stormlog._names import distinct_names
from stormlog.engine.database.sql_files import quote_identifier
from stormlog.errors import QueryError

if TYPE_CHECKING:
    import duckdb
    import pyarrow

    from stormlog.engine.cursors.cursor import SnapshotCursor

__all__ = ["arrow_table", "arrow_value", "exact_relation", "grouped_batches", "next_batch"]

_WIDE = ("HUGEINT", "UHUGEINT")
#: Types for which other readers of Arrow or Parquet have none.
_AS_TEXT = re.compile(r"\b(?:BIGNUM|BIT|INTERVAL|TIME WITH TIME ZONE|TIME_NS|GEOMETRY)\b")
_AS_JSON = re.compile(
    r"\b(?:U?HUGEINT|BIGNUM|BIT|INTERVAL|TIME WITH TIME ZONE|TIME_NS|GEOMETRY|UNION|VARIANT)\b"
)
#: Types that DuckDB makes of no value of Python.
_NOT_FROM_PYTHON = re.compile(r"\b(?:GEOMETRY|UNION|VARIANT)\b")
#: Rows of a group, or bytes if there are so many before.
_GROUP_ROWS = 100_000
_GROUP_BYTES = 1 << 26
#: Names of fields within a type, which are no types.
_QUOTED = re.compile(r'"(?:[^"]|"")*"|\'(?:[^\']|\'\')*\'')


def exact_relation(relation: duckdb.DuckDBPyRelation) -> duckdb.DuckDBPyRelation:
    """Return the same rows in types that Arrow holds exactly, under distinct names.

    A value that does not fit into its type makes the statement fail when it is read.
    """
    given = list(relation.columns)
    names = distinct_names(given)
    columns = [
        _column(place, name, str(kind))
        for place, (name, kind) in enumerate(zip(names, relation.types, strict=True), start=1)
    ]
    if names == given and all(column.startswith("#") for column in columns):
        return relation
    return relation.project(", ".join(columns))


def _column(place: int, name: str, kind: str) -> str:
    return f"{arrow_value(f'#{place}', kind)} AS {quote_identifier(name)}"


def arrow_value(expression: str, kind: str) -> str:
    """Return SQL for a value in a type that Arrow holds exactly.

    Args:
        expression: SQL for the value.
        kind: Its type, as DuckDB writes it.
    """
    if kind in _WIDE:
        return f"CAST({expression} AS DECIMAL(38, 0))"
    if _AS_TEXT.fullmatch(kind):
        return f"CAST({expression} AS VARCHAR)"
    if _AS_JSON.search(_QUOTED.sub("", kind)):
        return f"CAST(to_json({expression}) AS VARCHAR)"
    return expression


def next_batch(
    cursor: SnapshotCursor, reader: pyarrow.RecordBatchReader, name: str, text: str
) -> pyarrow.RecordBatch | None:
    """Return the next rows of a statement; None after the last ones.

    Args:
        cursor: What runs the statement.
        reader: Its rows.
        name: What errors call the statement.
        text: The statement.

    Raises:
        QueryError: DuckDB fails, or somebody stopped the statement.
    """
    import duckdb
    import pyarrow

    with cursor.using(name, text):
        try:
            return next(reader, None)
        except (OSError, pyarrow.ArrowException) as error:
            # What DuckDB raises comes out of Arrow as a text.
            is_memory = str(error).startswith("Out of Memory Error")
            cause = duckdb.OutOfMemoryException(str(error)) if is_memory else duckdb.Error(str(error))
            raise QueryError(str(error), statement=name, sql=text) from cause


def grouped_batches(
    batches: Iterator[pyarrow.RecordBatch], schema: pyarrow.Schema
) -> Iterator[pyarrow.Table]:
    """Put batches together, to groups of rows such as Parquet has: few of them make a file slow to read."""
    import pyarrow

    waiting: list[pyarrow.RecordBatch] = []
    rows = size = 0
    for batch in batches:
        waiting.append(batch)
        rows += batch.num_rows
        size += batch.nbytes
        if rows >= _GROUP_ROWS or size >= _GROUP_BYTES:
            yield pyarrow.Table.from_batches(waiting, schema)
            waiting, rows, size = [], 0, 0
    if waiting:
        yield pyarrow.Table.from_batches(waiting, schema)


def arrow_table(
    columns: Sequence[str], types: Sequence[str], rows: Sequence[tuple[Any, ...]]
) -> pyarrow.Table:
    """Return rows that were fetched already as a table of Arrow.

    Args:
        columns: Names, made distinct here.
        types: Types of the columns, as DuckDB writes them.
        rows: The rows, as Python has them.

    Raises:
        QueryError: a value does not fit into its type of Arrow.
    """
    import duckdb
    import pyarrow

    names = distinct_names(columns)
    arrays = []
    with duckdb.connect(":memory:") as connection:
        for place, (name, kind) in enumerate(zip(names, types, strict=True)):
            values = [row[place] for row in rows]
            try:
                arrays.append(_array(connection, kind, values))
            except (duckdb.Error, pyarrow.ArrowException) as error:
                raise QueryError(
                    f"column {name} ({kind}) has no form in Arrow: {error}", statement="sql"
                ) from error
    return pyarrow.Table.from_arrays(arrays, names=names)


def _array(connection: duckdb.DuckDBPyConnection, kind: str, values: list[Any]) -> pyarrow.ChunkedArray:
    """Return values of one type of DuckDB as Arrow has them."""
    if _NOT_FROM_PYTHON.search(_QUOTED.sub("", kind)):
        kind, values = "VARCHAR", [None if value is None else str(value) for value in values]
    if "MAP(" in kind:
        values = [_with_entries(value) for value in values]
    text = f"SELECT unnest(CAST($values AS {kind}[])) AS value"
    found = exact_relation(connection.sql(text, params={"values": values})).to_arrow_table()
    return found.column(0)


def _with_entries(value: Any) -> Any:
    """Return a mapping with keys that are no texts as DuckDB takes it."""
    if isinstance(value, dict) and not all(isinstance(key, str) for key in value):
        return {"key": list(value), "value": [_with_entries(item) for item in value.values()]}
    return value
