"""What becomes of each type of DuckDB in each format: exact where the format can, text that says all where not."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import duckdb
import pyarrow
import pytest

from stormlog.engine import Settings
from stormlog.exporting.tables import DIGEST, ExportColumn, ExportTable, moment_name, with_moments
from stormlog.exporting.writers import Content, Writer, open_writer

#: Type, value in SQL, value and type in SQLite, value and type in Parquet.
VALUES: list[tuple[str, str, Any, str, Any, str]] = [
    ("BOOLEAN", "true", 1, "integer", True, "BOOLEAN"),
    ("TINYINT", "-5", -5, "integer", -5, "TINYINT"),
    ("BIGINT", "9223372036854775807", 2**63 - 1, "integer", 2**63 - 1, "BIGINT"),
    ("UBIGINT", "18446744073709551615", "18446744073709551615", "text", 2**64 - 1, "UBIGINT"),
    (
        "HUGEINT",
        "170141183460469231731687303715",
        "170141183460469231731687303715",
        "text",
        None,
        "DECIMAL(38,0)",
    ),
    ("DECIMAL(20,3)", "12345678901234567.891", "12345678901234567.891", "text", None, "DECIMAL(20,3)"),
    ("DOUBLE", "0.1", 0.1, "real", 0.1, "DOUBLE"),
    ("DOUBLE", "'inf'", float("inf"), "real", float("inf"), "DOUBLE"),
    ("DOUBLE", "'nan'", None, "null", None, "DOUBLE"),
    ("VARCHAR", "'007'", "007", "text", "007", "VARCHAR"),
    ("VARCHAR", "'a' || chr(0) || 'b'", "a\0b", "text", "a\0b", "VARCHAR"),
    ("VARCHAR", "chr(128169) || chr(10) || '\"'", '\U0001f4a9\n"', "text", '\U0001f4a9\n"', "VARCHAR"),
    ("JSON", "'{\"a\": 18446744073709551616}'", '{"a": 18446744073709551616}', "text", None, "VARCHAR"),
    ("BLOB", "'\\x00\\xFF'", b"\0\xff", "blob", b"\0\xff", "BLOB"),
    ("VARCHAR[]", "['a', NULL, '\"']", '["a",null,"\\""]', "text", ["a", None, '"'], "VARCHAR[]"),
    (
        "STRUCT(a BIGINT, b VARCHAR)",
        "{'a': 1, 'b': 'x'}",
        '{"a":1,"b":"x"}',
        "text",
        None,
        "STRUCT(a BIGINT, b VARCHAR)",
    ),
    ("MAP(VARCHAR, BIGINT)", "MAP {'k': 5}", '{"k":5}', "text", None, "MAP(VARCHAR, BIGINT)"),
    (
        "TIMESTAMP_NS",
        "make_timestamp_ns(1700000000000000001)",
        "2023-11-14T22:13:20.000000001Z",
        "text",
        None,
        "TIMESTAMP_NS",
    ),
    ("DATE", "DATE '2026-11-26'", "2026-11-26", "text", None, "DATE"),
]


def written(format_name: str, place: Path, table: ExportTable) -> tuple[Writer, Content]:
    """Write a table of three rows, one of nulls, and return the writer and what the source holds."""
    writer = open_writer(format_name, str(place), Settings(), str(place.parent / "spill"))
    with duckdb.connect() as source:
        relation = source.sql(table.statement(writer.value))
        rows = relation.to_arrow_table()
    schema = rows.drop_columns([DIGEST]).schema
    writer.write(table, schema, iter(rows.drop_columns([DIGEST]).to_batches()))
    writer.finish()
    digest = sum(rows.column(DIGEST).to_pylist()) % 2**64
    return writer, Content(rows.num_rows, digest)


def table_of(*values: tuple[str, str]) -> ExportTable:
    """Return a table with a column for each type and value."""
    columns = [
        ExportColumn(f"c{number}", kind, "It.", f'"c{number}"') for number, (kind, _) in enumerate(values)
    ]
    lists = [
        f"unnest([CAST({value} AS {kind}), NULL, CAST({value} AS {kind})]) AS c{number}"
        for number, (kind, value) in enumerate(values)
    ]
    return ExportTable("t", "Rows.", tuple(columns), f"(SELECT {', '.join(lists)})", {})


TABLE = table_of(*((kind, value) for kind, value, *_ in VALUES))
PLACES = {"duckdb": "t.duckdb", "sqlite": "t.sqlite", "parquet": "t"}


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, tuple[Content, Content]]]:
    """A folder with all values in each format, and of each format what it was given and what it holds."""
    folder = tmp_path_factory.mktemp("values")
    contents = {}
    for format_name, place in PLACES.items():
        writer, given = written(format_name, folder / place, TABLE)
        contents[format_name] = given, writer.content(TABLE)
        writer.close()
    return folder, contents


@pytest.mark.parametrize("format_name", PLACES)
def test_a_table_holds_what_it_was_given(
    format_name: str, exported: tuple[Path, dict[str, tuple[Content, Content]]]
) -> None:
    given, held = exported[1][format_name]
    assert held == given
    assert given.row_count == 3


@pytest.mark.parametrize("number", range(len(VALUES)), ids=[f"{kind} {value}" for kind, value, *_ in VALUES])
def test_values_are_exact_or_text_that_says_all(
    number: int, exported: tuple[Path, dict[str, tuple[Content, Content]]]
) -> None:
    kind, value, in_sqlite, affinity, in_parquet, parquet_kind = VALUES[number]
    folder, column = exported[0], f"c{number}"
    with closing(sqlite3.connect(folder / "t.sqlite")) as connection:
        found = connection.execute(f"SELECT {column}, typeof({column}) FROM t").fetchall()
    assert found == [(in_sqlite, affinity), (None, "null"), (in_sqlite, affinity)]
    with duckdb.connect() as connection:
        connection.execute(f"ATTACH '{folder}/t.duckdb' AS e (READ_ONLY)")
        as_text = f"CAST(CAST({value} AS {kind}) AS VARCHAR)"
        same = f"SELECT typeof({column}) = ?, CAST({column} AS VARCHAR) IS NOT DISTINCT FROM {as_text} FROM"
        assert connection.execute(f"{same} e.t", [kind]).fetchall()[0] == (True, True)
        files = f"read_parquet('{folder}/t/t.parquet')"
        assert connection.execute(f"{same} {files}", [parquet_kind]).fetchall()[0] == (True, True)
        if in_parquet is not None:
            assert connection.execute(f"SELECT {column} FROM {files}").fetchall()[0] == (in_parquet,)


@pytest.mark.parametrize("format_name", ["duckdb", "sqlite"])
def test_batches_are_let_go_of_once_they_are_written(format_name: str, tmp_path: Path) -> None:
    writer = open_writer(format_name, str(tmp_path / "t"), Settings(), str(tmp_path / "spill"))
    held = []

    def batches() -> Iterator[pyarrow.RecordBatch]:
        for _ in range(20):
            held.append(pyarrow.total_allocated_bytes())
            yield pyarrow.record_batch({"c0": ["x" * 1000] * 1000})

    writer.write(table_of(("VARCHAR", "''")), pyarrow.schema({"c0": pyarrow.string()}), batches())
    writer.close()
    assert max(held) - held[0] < 3_000_000


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("timestamp_ns", "timestamp_at"),
        ("first_seen_ns", "first_seen_at"),
        ("created_at_ns", "created_at"),
        ("sort_ns", None),
        ("window_duration_ns", None),
        ("degraded_time_ns", None),
        ("hit_count", None),
        ("created_at_us", None),
    ],
)
def test_names_of_times(name: str, expected: str | None) -> None:
    assert moment_name(name) == expected


@pytest.mark.parametrize(
    ("nanoseconds", "time"),
    [
        (0, "1970-01-01T00:00:00.000000000Z"),
        (-1, "1969-12-31T23:59:59.999999999Z"),
        (2**63 - 2, "2262-04-11T23:47:16.854775806Z"),
        (2**63 - 1, None),
        (-(2**63), None),
        (-(2**63) + 1, None),
        (None, None),
    ],
)
def test_a_number_that_is_no_time_has_none(nanoseconds: int | None, time: str | None, tmp_path: Path) -> None:
    value = "NULL" if nanoseconds is None else f"CAST({nanoseconds} AS HUGEINT)"
    column = ExportColumn("seen_ns", "BIGINT", "It.", '"seen_ns"')
    source = f"(SELECT CAST({value} AS BIGINT) AS seen_ns)"
    table = ExportTable("t", "Rows.", with_moments([column]), source, {})
    writer, content = written("sqlite", tmp_path / "t.sqlite", table)
    assert writer.content(table) == content
    writer.close()
    found = sqlite3.connect(tmp_path / "t.sqlite").execute("SELECT seen_ns, seen_at FROM t").fetchall()
    assert found == [(nanoseconds, time)]
