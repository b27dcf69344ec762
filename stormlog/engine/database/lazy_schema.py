"""The in-memory database of a store: views come to life when a statement first names them.

Promise: after `Database.execute` or `Database.require` every view that the text selects from answers.
Creating a view binds everything below it, which costs more than many a question, so neither views nor macros
are created in advance.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from functools import cache
from typing import TYPE_CHECKING, Any

from stormlog._storable_text import storable_text
from stormlog.engine.database.parsed_statements import run
from stormlog.engine.database.sql_files import SqlFile, comments, load_sql_files
from stormlog.engine.database.tables import LINES_GIVEN_VIEW, SCHEMAS, TABLES
from stormlog.errors import QueryError

if TYPE_CHECKING:
    import duckdb

__all__ = ["Database"]

#: What Stormlog's own statements in Python select from and call; files say it in their header.
_SELECTED = re.compile(r"\b(?:FROM|JOIN)\s+([a-z0-9_.]+)")
_CALLED = re.compile(r"\b((?:prim|telemetry|projection|issues|otlp)\.[a-z0-9_]+)\s*\(")
_INSERTED = re.compile(r"\bINSERT INTO ([a-z0-9_.]+)")


@cache
def _macros() -> dict[str, SqlFile]:
    return {file.name: file for file in load_sql_files() if file.kind == "MACRO"}


@cache
def _views() -> dict[str, SqlFile]:
    """Return views and table macros by the name under which statements select from them."""
    return {file.table_name: file for file in load_sql_files() if file.kind != "MACRO"}


class Database:
    """A connection whose macros and views are created when a statement first names them.

    Args:
        connection: A connection to an empty database.
    """

    def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
        self._connection = connection
        self._stop_reason: str | None = None
        self._created: set[str] = set()
        self._called: set[str] = set()
        # Tables that ever held rows. All others are empty for sure, which saves statements about them.
        self._ever_filled: set[str] = set()
        self._is_documented = False
        script = [f"CREATE SCHEMA {schema};" for schema in SCHEMAS]
        script += [f"CREATE TABLE {name} ({columns});" for name, columns in TABLES.items()]
        script.append(LINES_GIVEN_VIEW)
        run(connection, "\n".join(script))

    @property
    def connection(self) -> duckdb.DuckDBPyConnection:
        """The connection, for one statement.

        Raises:
            QueryError: `stop` was called since; once, so that whoever catches it can clean up.
        """
        reason, self._stop_reason = self._stop_reason, None
        if reason is not None:
            raise QueryError(reason)
        return self._connection

    def stop(self, reason: str) -> None:
        """Make the running statement fail, or else the next one; from any thread.

        Args:
            reason: What the error of the next statement says.
        """
        import duckdb

        self._stop_reason = reason
        with contextlib.suppress(duckdb.Error):
            self._connection.interrupt()

    @property
    def stop_reason(self) -> str | None:
        """What was told to `stop` and has not been raised yet."""
        return self._stop_reason

    def start(self) -> None:
        """Forget a `stop` that came when nothing ran any more."""
        self._stop_reason = None

    def percent_done(self) -> float:
        """Return how far the running statement is, negative when unknown; from any thread."""
        import duckdb

        try:
            return self._connection.query_progress()
        except duckdb.Error:
            return -1.0

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()

    def execute(
        self, text: str, params: Mapping[str, Any] | Sequence[Any] | None = None
    ) -> duckdb.DuckDBPyConnection:
        """Run one of Stormlog's own statements and return the connection with its result."""
        self._require_all(text)
        self._ever_filled.update(_INSERTED.findall(text))
        return run(self.connection, text, params)

    def require(self, names: Iterable[str]) -> None:
        """Create the views among ``names``, and what they select from."""
        for name in names:
            file = _views().get(name)
            if file is None or name in self._created:
                continue
            self._require_used(file)
            if file.is_materialised:
                # Nobody has filled it yet: it is empty.
                run(self.connection, f"CREATE TABLE {name} AS SELECT * FROM ({file.query}) LIMIT 0")
            else:
                run(self.connection, file.statement)
            # Not before: the statement may have been interrupted.
            self._created.add(name)

    def require_inner(self, words: Collection[str]) -> None:
        """Create the views of inner schemas that ``words`` name, or of which they have both the schema and the name."""
        given = set(words)
        inner = [name for name in _views() if "." in name]
        self.require([name for name in inner if name in given or set(name.split(".")) <= given])

    def is_created(self, name: str) -> bool:
        """Return whether a view or its table exists yet."""
        return name in self._created

    def has_rows(self, table: str) -> bool:
        """Return whether a table has any row."""
        if table not in self._ever_filled:
            return False
        return self.connection.execute(f"SELECT 1 FROM {table} LIMIT 1").fetchone() is not None

    def materialise(self, *names: str) -> None:
        """Fill the tables of materialised views."""
        for name in names:
            file = _views()[name]
            self._require_used(file)
            run(self.connection, f"CREATE OR REPLACE TABLE {name} AS {file.query}")
            self._created.add(name)
            self._ever_filled.add(name)

    def clear(self, *tables: str) -> None:
        """Remove all rows of some tables."""
        for table in tables:
            if table in self._ever_filled:
                run(self.connection, f"DELETE FROM {table}")

    def replace(self, table: str, query: str) -> None:
        """Make a table of what a SELECT finds, which may be rows of the table as it was."""
        self.execute(f"CREATE OR REPLACE TABLE {table} AS {query}")
        self._ever_filled.add(table)

    def require_macros(self, names: Iterable[str] | None = None) -> None:
        """Create macros and what they call; all of them by default."""
        missing = [name for name in (_macros() if names is None else names) if name not in self._called]
        script: dict[str, str] = {}
        for name in missing:
            self._place_macro(name, script)
        if script:
            run(self.connection, "\n".join(script.values()))
            self._called.update(script)

    def _place_macro(self, name: str, script: dict[str, str]) -> None:
        """Add a macro to a script, after those that it calls."""
        file = _macros().get(name)
        if file is None or name in self._called or name in script:
            return
        for callee in file.calls:
            self._place_macro(callee, script)
        script[name] = file.statement

    def require_called(self, text: str) -> None:
        """Create the macros that a statement calls."""
        self.require_macros(_CALLED.findall(text))

    def _require_used(self, file: SqlFile) -> None:
        """Create what a view selects from and calls."""
        self.require_macros(file.calls)
        self.require(file.reads)

    def _require_all(self, text: str) -> None:
        """Create the views that a statement selects from and the macros that it calls."""
        self.require_called(text)
        self.require(_SELECTED.findall(text))

    def document(self) -> None:
        """Attach the documentation of macros and views as SQL comments; functions of Python must be there."""
        if not self._is_documented:
            self.require_macros()
            self.require(_views())
            self.connection.execute("\n".join(comments()))
            self._is_documented = True

    def fill(self, table: str, types: str, rows: list[tuple[Any, ...]]) -> None:
        """Replace the rows of a small table, whole columns at a time.

        Args:
            table: Name of the table.
            types: Types of its columns, in order, separated by ``", "``.
            rows: The rows.
        """
        self.clear(table)
        if rows:
            columns = [list(column) for column in zip(*rows, strict=True)]
            self.append(table, columns, types)

    def append(self, table: str, columns: list[list[Any]], types: str, extra: str = "") -> None:
        """Append whole columns to a table; row by row costs a hundred times as much.

        What no column can hold is replaced: halves of characters by U+FFFD, numbers beyond 64 bits by NULL.
        """
        import duckdb

        if not columns[0]:
            return
        kinds = types.split(", ")
        lists = ", ".join(f"CAST(? AS {kind}[]) AS list_{number}" for number, kind in enumerate(kinds))
        unnested = ", ".join(f"unnest(list_{number})" for number in range(len(kinds)))
        # Unnesting the parameters themselves would copy long texts once more.
        statement = f"INSERT INTO {table} SELECT {unnested}{extra} FROM (SELECT {lists})"
        self._ever_filled.add(table)
        try:
            run(self.connection, statement, columns)
        except duckdb.Error:
            storable = [[_storable(value) for value in column] for column in columns]
            if storable == columns:
                raise
            run(self.connection, statement, storable)


def _storable(value: Any) -> Any:
    if isinstance(value, str):
        return storable_text(value)
    return None if isinstance(value, int) and not -(2**63) <= value < 2**63 else value
