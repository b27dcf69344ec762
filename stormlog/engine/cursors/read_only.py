"""Refuses SQL of users that could write.

DuckDB lets COPY, INSERT, DELETE, UPDATE and MERGE stand in a WITH clause, so the type of a statement says nothing. Two
locks that know nothing of each other have to open: the tree of the statement may hold only known nodes and functions,
at any depth, and the plan that DuckDB makes of it may hold only known operators.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from typing import TYPE_CHECKING, Any

from stormlog.engine.cursors.allowed_sql import FUNCTIONS, NODES, OPERATORS, TABLE_FUNCTIONS, WRITING_OPTIONS
from stormlog.engine.cursors.explain import explained_statement
from stormlog.errors import QueryError

if TYPE_CHECKING:
    import duckdb

__all__ = ["allowed_functions", "require_read_only", "require_reading_plan", "require_reading_tree"]

#: The tree is searched by DuckDB: Python's own parser gives up on trees that are deep, and long sums are.
_TREE = """
    SELECT
        tree ->> '$.error_message',
        json_array_length(tree, '$.statements'),
        list_distinct(json_extract_string(tree, '$..type')),
        list_distinct(json_extract_string(tree, '$..info_type')),
        list_distinct(json_extract_string(tree, '$..function_name')),
        list_distinct(
            json_extract_string(tree, '$..arguments[*].name')
            || json_extract_string(tree, '$..arguments[*].expression.left.column_names[*]')
        )
    FROM (SELECT json_serialize_sql(CAST($text AS VARCHAR)) AS tree)
"""
_EXPLAIN = "EXPLAIN (FORMAT json)\n"
_OPERATORS = "SELECT list_distinct(json_extract_string(CAST($plan AS JSON), '$..name'))"


def require_read_only(
    connection: duckdb.DuckDBPyConnection, text: str, params: Mapping[str, Any] | Sequence[Any] | None = None
) -> None:
    """Refuse anything but a single SELECT that only reads; nothing of it is run.

    Args:
        connection: A connection in which the statement can be run: its views and functions are there.
        text: The statement, with or without an EXPLAIN that `plain_statement` wrote.
        params: Its values, if it takes any.

    Raises:
        QueryError: the statement cannot be parsed or bound, is none or several, or does more than reading.
    """
    require_reading_tree(connection, text)
    require_reading_plan(connection, text, params)


def require_reading_tree(connection: duckdb.DuckDBPyConnection, text: str) -> None:
    """Refuse a statement whose tree holds anything that is not known to read; names need not exist.

    Raises:
        QueryError: see `require_read_only`.
    """
    import duckdb

    judged = explained_statement(text)
    try:
        found = connection.execute(_TREE, {"text": judged}).fetchone()
    except duckdb.Error as error:
        raise QueryError(str(error), statement="sql", sql=text) from error
    assert found is not None
    problem, count, nodes, infos, functions, options = found
    if problem is not None:
        raise QueryError(_why_no_tree(connection, judged, problem), statement="sql", sql=text)
    if count != 1:
        raise QueryError(f"expected one statement, got {count}", statement="sql", sql=text)
    # The type of a value is an object; that of a node is a word.
    _require_known("statements with", [name for name in (*nodes, *infos) if name[:1] != "{"], NODES, text)
    _require_known_functions({name.lower() for name in functions}, text)
    writing = sorted(WRITING_OPTIONS.intersection(name.lower() for name in options))
    if writing:
        raise QueryError(f"only reading is allowed: option {writing[0]} writes", statement="sql", sql=text)


def require_reading_plan(
    connection: duckdb.DuckDBPyConnection, text: str, params: Mapping[str, Any] | Sequence[Any] | None = None
) -> None:
    """Refuse a statement whose plan holds an operator that is not known to read.

    Raises:
        QueryError: see `require_read_only`.
    """
    import duckdb

    try:
        statements = connection.extract_statements(_EXPLAIN + explained_statement(text))
        if len(statements) != 1:
            raise QueryError(f"expected one statement, got {len(statements)}", statement="sql", sql=text)
        operators: set[str] = set()
        for _, plan in connection.execute(statements[0], params or None).fetchall():
            found = connection.execute(_OPERATORS, {"plan": plan}).fetchone()
            operators.update(found[0] if found else ())
    except duckdb.Error as error:
        raise QueryError(_without_first_line(str(error)), statement="sql", sql=text) from error
    if not operators:
        raise QueryError("only reading is allowed: DuckDB shows no plan", statement="sql", sql=text)
    known = OPERATORS | {name.upper() for name in TABLE_FUNCTIONS}
    _require_known("plans with", {name.strip() for name in operators}, known, text)


def _require_known(what: str, names: Iterable[str], known: Iterable[str], text: str) -> None:
    unknown = sorted(set(names).difference(known))
    if unknown:
        raise QueryError(
            f"only reading is allowed: {what} {', '.join(unknown)} may do more", statement="sql", sql=text
        )


def _require_known_functions(names: set[str], text: str) -> None:
    from difflib import get_close_matches

    unknown = sorted(names - allowed_functions())
    if unknown:
        # DuckDB is not asked whether there is such a function: nothing of the statement runs before this.
        near = get_close_matches(unknown[0], allowed_functions(), n=1)
        hint = f"; did you mean {near[0]}?" if near else ""
        raise QueryError(
            f"only reading is allowed: function {', '.join(unknown)} is unknown or may do more{hint}",
            statement="sql",
            sql=text,
        )


@cache
def allowed_functions() -> frozenset[str]:
    """Return the names of all functions and macros that statements of users may call, in lower case."""
    from stormlog.engine.database.python_functions import UDFS
    from stormlog.engine.database.sql_files import load_sql_files

    macros = {file.name.rpartition(".")[2] for file in load_sql_files() if file.kind != "VIEW"}
    return FUNCTIONS | TABLE_FUNCTIONS | UDFS.keys() | macros


def _why_no_tree(connection: duckdb.DuckDBPyConnection, text: str, problem: str) -> str:
    """Say what a statement without a tree is; DuckDB tells where it is wrong."""
    import duckdb

    try:
        statements = connection.extract_statements(text)
    except duckdb.Error as error:
        return str(error)
    if len(statements) != 1:
        return f"expected one statement, got {len(statements)}"
    kind = str(statements[0].type).rpartition(".")[2]
    if kind == "MULTI":
        return "only a single SELECT is allowed: a PIVOT has to name its values, as in ON kind IN ('oom', 'alert')"
    return problem if kind == "SELECT" else f"only SELECT is allowed, this is {kind}"


def _without_first_line(message: str) -> str:
    """Count the lines of a message from the statement, which ``EXPLAIN`` was put before."""
    return re.sub(r"\bLINE (\d+):", lambda line: f"LINE {int(line[1]) - 1}:", message)
