"""Every public view lists its columns, says what each is, and says it in the database too."""

from __future__ import annotations

import re
from typing import Any

import pytest

from stormlog.engine.database.sql_files import SqlFile, load_sql_files

VIEWS = {file.name: file for file in load_sql_files() if file.kind == "VIEW"}
PUBLIC = {name: file for name, file in VIEWS.items() if "." not in name}
UNITS = {
    "_ns": r"nanosecond|same|hit|end|enter|left|earliest|latest|sort|time|when|recorded",
    "_us": r"microsecond",
    "_ms": r"millisecond",
    "_bytes": r"byte",
}


def test_there_are_public_views() -> None:
    assert {"events", "sessions", "issues", "issue_evidence", "projected_records"} <= PUBLIC.keys()


@pytest.mark.parametrize("file", PUBLIC.values(), ids=PUBLIC)
def test_public_view_documents_exactly_its_columns(file: SqlFile, database: Any) -> None:
    described = [row[0] for row in database.execute(f"DESCRIBE {file.name}").fetchall()]
    assert list(file.columns) == described


@pytest.mark.parametrize("file", PUBLIC.values(), ids=PUBLIC)
def test_public_view_lists_its_columns(file: SqlFile) -> None:
    last_select = file.statement[file.statement.rindex("\nSELECT") :] if "\nSELECT" in file.statement else ""
    outermost = re.split(r"^FROM ", last_select, flags=re.MULTILINE)[0]
    assert outermost.strip() and "*" not in re.sub(r"'[^']*'", "", outermost)


@pytest.mark.parametrize("file", PUBLIC.values(), ids=PUBLIC)
def test_columns_say_their_unit(file: SqlFile) -> None:
    for column, text in file.columns.items():
        assert len(text) > 3
        for suffix, unit in UNITS.items():
            if column.endswith(suffix):
                assert re.search(unit, text, re.IGNORECASE), f"{column}: {text}"


@pytest.mark.parametrize("file", VIEWS.values(), ids=VIEWS)
def test_view_has_a_summary_and_a_source(file: SqlFile) -> None:
    text = file.path.read_text(encoding="utf-8")
    assert re.search(r"^-- Source: docs/[a-z-]+\.md#[a-z-]+\.$", text, re.MULTILINE)
    assert re.match(r"[A-Z].{10,}", file.summary)


@pytest.mark.parametrize(
    "file", [file for file in VIEWS.values() if not file.is_materialised], ids=lambda file: file.name
)
def test_comments_are_in_the_database(file: SqlFile, database: Any) -> None:
    schema, _, name = file.name.rpartition(".")
    row = database.execute(
        "SELECT comment FROM duckdb_views() WHERE schema_name = $schema AND view_name = $name",
        {"schema": schema or "main", "name": name},
    ).fetchone()
    assert row == (file.summary,)
    comments = dict(
        database.execute(
            """
            SELECT column_name, comment FROM duckdb_columns()
            WHERE schema_name = $schema AND table_name = $name
            """,
            {"schema": schema or "main", "name": name},
        ).fetchall()
    )
    assert {column: comments[column] for column in file.columns} == file.columns
