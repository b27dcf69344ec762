"""The tables of a user's own that a database holds beside the views.

Promise: a table is there whole or not at all, and none takes the name of anything that Stormlog's views rest on.
"""

from __future__ import annotations

import contextlib
import re
from typing import TYPE_CHECKING, NamedTuple

from stormlog.engine.database.sql_files import load_sql_files, quote_identifier
from stormlog.engine.database.tables import SCHEMAS
from stormlog.engine.view_needs import public_names
from stormlog.errors import QueryError

if TYPE_CHECKING:
    import pyarrow

    from stormlog.engine.database.lazy_schema import Database
    from stormlog.engine.own_tables.incoming import IncomingRows

__all__ = ["OwnTable", "OwnTables", "require_free_name"]

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,62}")
#: Beginnings of names that DuckDB uses itself.
_RESERVED = ("duckdb_", "pg_", "sqlite_", "stormlog_")
_INCOMING = "stormlog_incoming"


class OwnTable(NamedTuple):
    """A table that a user brought along.

    Attributes:
        name: Its name in statements.
        columns: Names of its columns.
        row_count: Number of its rows.
        notes: What was changed when it was made, one sentence each.
    """

    name: str
    columns: list[str]
    row_count: int
    notes: list[str]


def require_free_name(name: str) -> None:
    """Refuse a name that no table of a user may have.

    Raises:
        ValueError: it is no plain name, or that of a view, a schema or a table of DuckDB.
    """
    if _NAME.fullmatch(name) is None:
        raise ValueError(
            f"{name!r} cannot name a table: write a letter, then letters, digits and underscores, at most 63"
        )
    lower = name.lower()
    if lower in public_names():
        raise ValueError(f"there is a view {lower} already: give the table another name")
    schemas = {*SCHEMAS, "main", "memory", "system", "temp", "information_schema", "pg_catalog", "tracking"}
    if lower in schemas or lower.startswith(_RESERVED):
        raise ValueError(f"{name} is a name of the database itself: give the table another one")
    if any(file.kind == "TABLE MACRO" and file.name == lower for file in load_sql_files()):
        raise ValueError(f"there is a function {lower} already: give the table another name")


class OwnTables:
    """The own tables in one database.

    Args:
        database: Where they are.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        #: Names of the tables, as they were given, and their columns.
        self.columns: dict[str, list[str]] = {}

    def find(self, name: str) -> str | None:
        """Return the name of a table, which may be written in any case; None if there is no such table."""
        return next((known for known in self.columns if known.lower() == name.lower()), None)

    def create(self, name: str, opened: contextlib.AbstractContextManager[IncomingRows]) -> OwnTable:
        """Make a table, in place of the one that had its name.

        Args:
            name: Its name.
            opened: Gives its rows; the table is made only if it ends well.

        Raises:
            ValueError: the name is not free, or the rows cannot be a table.
            SourceError: as ``opened`` raises it.
            QueryError: DuckDB failed.
        """
        import duckdb
        import pyarrow

        require_free_name(name)
        cursor = self._database.connection.cursor()
        try:
            with opened as rows:
                notes = rows.notes
                cursor.register(_INCOMING, rows.reader)
                cursor.execute("BEGIN TRANSACTION")
                cursor.execute(
                    f"CREATE OR REPLACE TABLE main.{quote_identifier(name)} AS SELECT * FROM {_INCOMING}"
                )
            cursor.execute("COMMIT")
            found = cursor.execute(f"SELECT count(*) FROM main.{quote_identifier(name)}").fetchone()
            described = cursor.execute(f"SELECT * FROM main.{quote_identifier(name)} LIMIT 0").description
        except (duckdb.Error, pyarrow.ArrowException) as error:
            raise QueryError(f"{name} cannot be a table: {error}", statement="register") from error
        finally:
            # Ends the transaction too, and nothing of it is kept.
            cursor.close()
        known = self.find(name)
        if known is not None:
            del self.columns[known]
        self.columns[name] = [column[0] for column in described or ()]
        return OwnTable(name, self.columns[name], 0 if found is None else found[0], notes)

    def drop(self, name: str) -> None:
        """Remove a table.

        Raises:
            ValueError: there is none of that name.
        """
        known = self.find(name)
        if known is None:
            raise ValueError(f"there is no own table {name!r}; there are {', '.join(self.columns) or 'none'}")
        self._database.connection.execute(f"DROP TABLE IF EXISTS main.{quote_identifier(known)}")
        del self.columns[known]

    def contents(self) -> dict[str, pyarrow.Table]:
        """Return all tables, for a database that takes the place of this one."""
        if not self.columns:
            return {}
        from stormlog.engine.cursors.arrow_rows import exact_relation

        with contextlib.closing(self._database.connection.cursor()) as cursor:
            return {
                name: exact_relation(cursor.sql(f"FROM main.{quote_identifier(name)}")).to_arrow_table()
                for name in self.columns
            }
