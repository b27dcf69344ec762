"""Rows that become a table of the user's own, as a stream of Arrow."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from stormlog._names import distinct_names

if TYPE_CHECKING:
    import pyarrow

__all__ = ["IncomingRows", "incoming_rows", "rows_of"]


class IncomingRows(NamedTuple):
    """The rows of a table that is being made.

    Attributes:
        reader: Gives the rows once; the names of its columns are distinct, whatever their case.
        notes: What was done to them that a reader of the table should know, one sentence each.
    """

    reader: pyarrow.RecordBatchReader
    notes: list[str]


def incoming_rows(reader: pyarrow.RecordBatchReader, notes: list[str]) -> IncomingRows:
    """Return rows whose columns have distinct names.

    Args:
        reader: The rows.
        notes: What is known about them already.

    Raises:
        ValueError: there are no columns.
    """
    import pyarrow

    given = [field.name for field in reader.schema]
    if not given:
        raise ValueError("there are no columns")
    names = distinct_names((name or f"column{place}" for place, name in enumerate(given)), ignoring_case=True)
    if names == given:
        return IncomingRows(reader, notes)
    renamed = [(old, new) for old, new in zip(given, names, strict=True) if old != new]
    schema = pyarrow.schema([field.with_name(name) for field, name in zip(reader.schema, names, strict=True)])
    batches = (pyarrow.RecordBatch.from_arrays(batch.columns, schema=schema) for batch in reader)
    shown = ", ".join(f"{old or '(no name)'} is {new}" for old, new in renamed[:5])
    more = f", and {len(renamed) - 5:,} more" if len(renamed) > 5 else ""
    note = f"names of columns occur twice, or are empty: {shown}{more}"
    return IncomingRows(pyarrow.RecordBatchReader.from_batches(schema, batches), [*notes, note])


def rows_of(data: Any) -> IncomingRows:
    """Return the rows of a data frame, a relation, or anything else that speaks Arrow.

    Args:
        data: A frame of pandas or Polars, a table, batch or reader of Arrow, a relation of DuckDB or of a store, or
            any object with ``__arrow_c_stream__``.

    Raises:
        ValueError: it is something else, or has no columns.
    """
    import duckdb
    import pyarrow

    from stormlog.engine.cursors.arrow_rows import exact_relation

    if isinstance(data, duckdb.DuckDBPyRelation):
        data = exact_relation(data)
    try:
        if isinstance(data, pyarrow.RecordBatch):
            data = pyarrow.Table.from_batches([data])
        if isinstance(data, pyarrow.RecordBatchReader):
            return incoming_rows(data, [])
        if hasattr(data, "__arrow_c_stream__"):
            return incoming_rows(pyarrow.RecordBatchReader.from_stream(data), [])
        if hasattr(data, "__dataframe__") or type(data).__module__.startswith("pandas."):
            return incoming_rows(pyarrow.Table.from_pandas(data).to_reader(), [])
    except (pyarrow.ArrowException, duckdb.Error) as error:
        raise ValueError(f"this {type(data).__name__} cannot be a table: {error}") from error
    raise ValueError(
        f"a {type(data).__name__} cannot be a table: give a data frame, a relation, or an Arrow table"
    )
