"""Every macro file says what it takes and gives, and its own tests hold."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import duckdb
import pytest

from stormlog.engine.database.sql_files import SqlFile, load_sql_files

MACROS = {file.name: file for file in load_sql_files() if file.kind == "MACRO"}
CASES = [
    pytest.param(statement.query.strip(), id=f"{file.name}-{number}")
    for file in MACROS.values()
    for number, statement in enumerate(duckdb.extract_statements(file.tests), start=1)
]


def header_of(file: SqlFile) -> list[str]:
    lines = file.path.read_text(encoding="utf-8").splitlines()
    return lines[: next(number for number, line in enumerate(lines) if not line.startswith("--"))]


@pytest.mark.parametrize("statement", CASES)
def test_statement_below_the_macro_holds(database: Any, statement: str) -> None:
    assert statement.startswith("SELECT assert_equals(")
    assert database.execute(statement).fetchall() == [(True,)]


def test_assertion_that_does_not_hold_is_an_error(database: Any) -> None:
    with pytest.raises(duckdb.Error, match="expected 1, got NULL"):
        database.execute("SELECT assert_equals(1, NULL)")


@pytest.mark.parametrize("file", MACROS.values(), ids=MACROS)
def test_macro_has_three_tests(file: SqlFile) -> None:
    assert len(duckdb.extract_statements(file.tests)) >= 3


@pytest.mark.parametrize("file", MACROS.values(), ids=MACROS)
def test_macro_is_documented(file: SqlFile, database: Any) -> None:
    header = header_of(file)
    assert re.fullmatch(r"-- [A-Z].*[.;?:,]?", header[0])
    titles = [
        line.removeprefix("-- ").partition(":")[0]
        for line in header
        if re.match(r"-- (Args|Returns|Source):", line)
    ]
    assert titles == ["Args", "Returns", "Source"]
    assert re.fullmatch(r"-- Source: docs/(?:concepts|tracking|why)\.md#[a-z-]+\.", header[-1])
    schema, name = file.name.split(".")
    parameters, comment = database.execute(
        """
        SELECT parameters, comment FROM duckdb_functions()
        WHERE schema_name = $schema AND function_name = $name AND function_type = 'macro'
        """,
        {"schema": schema, "name": name},
    ).fetchone()
    documented: list[str] = []
    for line in header[header.index("-- Args:") + 1 :]:
        if found := re.match(r"--   ([a-z0-9_, ]+) [A-Z]+(?:\[\])?:", line):
            documented += found[1].split(", ")
    assert documented == parameters
    assert comment == file.summary


@pytest.mark.parametrize("file", MACROS.values(), ids=MACROS)
def test_macro_is_called_like_its_file(file: SqlFile) -> None:
    assert file.name == f"{file.path.parent.name}.{file.path.stem}"
    assert Path(file.path).suffix == ".sql"
