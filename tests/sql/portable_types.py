"""Says where a rule depends on a type that engines treat differently: a fraction cast or divided, its text.

Types come from DuckDB for tables and views, and from the headers of macros for what these take and return.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

import sqlglot
from sqlglot import exp
from sqlglot.optimizer.annotate_types import annotate_types
from sqlglot.optimizer.qualify import qualify
from sqlglot.schema import MappingSchema

from stormlog.engine.database.sql_files import SqlFile, load_sql_files

__all__ = ["TYPE_EXCEPTIONS", "Tables", "macro_query", "tables_of", "type_violations"]

#: Schema -> table -> column -> type.
Tables = dict[str, dict[str, dict[str, str]]]

#: (macro or view, violation) -> why it may stay.
TYPE_EXCEPTIONS: dict[tuple[str, str], str] = {}

_WHOLE = {"BIGINT", "BOOLEAN", "INT", "SMALLINT", "TINYINT"}
_TEXTS = {"TEXT", "VARCHAR", "CHAR"}
#: Functions whose result is text, whatever the version of sqlglot knows of them.
_TEXT_FUNCTIONS = (
    exp.Replace,
    exp.RegexpReplace,
    exp.Lower,
    exp.Substring,
    exp.Left,
    exp.Trim,
    exp.SplitPart,
)
_ARGUMENT = re.compile(r"^--   ([a-z0-9_, ]+) ([A-Z]+(?:\[\])?):", re.MULTILINE)
_RETURNS = re.compile(r"^-- Returns: ([A-Z]+(?:\([0-9, ]+\))?(?:\[\])?)", re.MULTILINE)


def tables_of(connection: Any) -> Tables:
    """Return the columns of everything that can be selected from."""
    tables: Tables = {}
    rows = connection.execute(
        "SELECT schema_name, table_name, column_name, data_type FROM duckdb_columns() WHERE NOT internal"
    ).fetchall()
    for schema, table, column, kind in rows:
        tables.setdefault(schema, {}).setdefault(table, {})[column] = kind
    return tables


def macro_query(file: SqlFile, tables: Tables) -> tuple[str, Tables]:
    """Return a SELECT of what a macro computes, and the tables with one of its parameters."""
    body = re.split(r"\sAS\s", file.statement, maxsplit=1)[1].removesuffix(";")
    header = file.path.read_text(encoding="utf-8").partition("\nCREATE ")[0]
    parameters = {name: kind for names, kind in _ARGUMENT.findall(header) for name in names.split(", ")}
    return f"SELECT {body} AS result FROM parameters", {**tables, "main": {"parameters": parameters}}


def type_violations(query: str, tables: Tables) -> list[str]:
    """Return what a SELECT does with types that a second engine does otherwise, each once."""
    tree = _with_typed_calls(sqlglot.parse_one(query, read="duckdb"), _types_of_macros())
    schema = MappingSchema(_with_row_numbers(tables), dialect="duckdb")
    tree = qualify(tree, schema=schema, dialect="duckdb", db="main", quote_identifiers=False)
    tree = annotate_types(tree, schema=schema, dialect="duckdb")
    return list(dict.fromkeys(found for node in tree.walk() for found in _violations(node)))


def _types_of_macros() -> dict[str, str]:
    types = {}
    for file in load_sql_files():
        if file.kind == "MACRO":
            found = _RETURNS.search(file.path.read_text(encoding="utf-8"))
            assert found is not None, file.path
            types[file.name] = found[1]
    return types


def _with_typed_calls(tree: exp.Expression, types: Mapping[str, str]) -> exp.Expression:
    """Put each call of a macro into a cast to what it returns, which `_violations` passes over."""
    for call in list(tree.find_all(exp.Anonymous)):
        whole = call.parent
        if isinstance(whole, exp.Dot) and f"{whole.this.name}.{call.name}" in types:
            kind = exp.DataType.build(types[f"{whole.this.name}.{call.name}"], dialect="duckdb")
            cast = exp.Cast(this=exp.Anonymous(this=call.name, expressions=call.expressions), to=kind)
            cast.meta["is_call"] = True
            whole.replace(cast)
    return tree


def _with_row_numbers(tables: Tables) -> Tables:
    return {
        schema: {table: {**columns, "rowid": "BIGINT"} for table, columns in of_schema.items()}
        for schema, of_schema in tables.items()
    }


def _violations(node: exp.Expression) -> Iterator[str]:
    if isinstance(node, exp.Cast) and not node.meta.get("is_call"):
        yield from _violations_of_cast(node)
    elif isinstance(node, exp.Concat):
        for part in node.expressions:
            yield from _violations_of_text(part)
    elif isinstance(node, exp.Div):
        for part in (node.this, node.expression):
            if _kind(part) not in {*_WHOLE, "DOUBLE"} or _is_fraction(part):
                yield f"division of a {_kind(part)}: {_sql(part)}"
    elif isinstance(node, exp.Sum) and not (_kind(node.this) in _WHOLE or _is_whole_decimal(node.this)):
        yield f"sum of a {_kind(node.this)}: {_sql(node.this)}"


def _violations_of_cast(node: exp.Expression) -> Iterator[str]:
    to = node.args["to"].this.name
    if to in _WHOLE and not _is_whole(node.this):
        yield f"{_kind(node.this)} cast to a whole number: {_sql(node.this)}"
    elif to in _TEXTS:
        yield from _violations_of_text(node.this)


def _violations_of_text(node: exp.Expression) -> Iterator[str]:
    if not (_is_whole(node) or _kind(node) in _TEXTS):
        yield f"text of a {_kind(node)}: {_sql(node)}"


def _is_whole(node: exp.Expression) -> bool:
    return _kind(node) in {*_WHOLE, "NULL"} or _is_whole_decimal(node)


def _is_whole_decimal(node: exp.Expression) -> bool:
    return node.type is not None and node.type.sql(dialect="duckdb") == "DECIMAL(38, 0)"


def _is_fraction(node: exp.Expression) -> bool:
    """Return whether a number is written with a point, which makes it a decimal."""
    return isinstance(node, exp.Literal) and not node.is_string and not node.name.isdigit()


def _kind(node: exp.Expression) -> str:
    if isinstance(node, _TEXT_FUNCTIONS):
        return "TEXT"
    if isinstance(node, exp.Null):
        return "NULL"
    return "UNKNOWN" if node.type is None else str(node.type.this.name)


def _sql(node: exp.Expression) -> str:
    return str(node.sql(dialect="duckdb"))
