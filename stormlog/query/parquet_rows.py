"""Shows the rows of a Parquet segment as lines of JSON, so that one set of rules judges both.

Promise: a row becomes the line that its writer would have written; a value of another type stays one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from stormlog.query.library import quote_literal
from stormlog.telemetry.schema import KNOWN_V3_FIELD_SET

if TYPE_CHECKING:
    import duckdb

__all__ = ["parquet_lines"]

#: A column cannot lack a key in one row only: null stands for that where null is no value.
_ABSENT_WHEN_NULL = frozenset({"rank", "local_rank", "world_size"})


def parquet_lines(connection: duckdb.DuckDBPyConnection, path: str) -> str:
    """Return a SELECT of ``line_number`` (row from 1) and ``line``; columns that are no fields are left out.

    Raises:
        duckdb.Error: the file is no Parquet file or cannot be read.
    """
    source = f"read_parquet({quote_literal(path)}, hive_partitioning = false)"
    members = []
    for name, kind, *_ in connection.execute(f"DESCRIBE FROM {source}").fetchall():
        if name in KNOWN_V3_FIELD_SET:
            value = _metadata_json(kind) if name == "metadata" else f"CAST(to_json({name}) AS VARCHAR)"
            member = f"""concat(', "{name}": ', coalesce({value}, 'null'))"""
            members.append(
                f"CASE WHEN {name} IS NOT NULL THEN {member} END" if name in _ABSENT_WHEN_NULL else member
            )
    # The first comma is one too many.
    joined = f"substr(concat({', '.join(members)}), 3)" if members else "''"
    return f"SELECT file_row_number + 1 AS line_number, concat('{{', {joined}, '}}') AS line FROM {source}"


def _metadata_json(kind: str) -> str:
    if kind == "JSON":
        return "CAST(metadata AS VARCHAR)"
    as_value = "CAST(to_json(metadata) AS VARCHAR)"
    return (
        f"CASE WHEN json_valid(metadata) THEN metadata ELSE {as_value} END" if kind == "VARCHAR" else as_value
    )
