"""Databases that are used again by the next store of this process, with all tables empty.

Tests open thousands of small stores. Half of what such a store costs is the same each time: DuckDB itself, its tables,
macros and views. So a database is emptied when its store is closed, and the next store gets it.

Tests of the engine itself, of its settings and of what statements may read get new databases: `tests/conftest.py`
lists them. So does every store with settings of its own, and ``make soak`` gives new ones to all.
"""

from __future__ import annotations

import os
import threading
from typing import Any

import duckdb

from stormlog.engine.database.connection import connect, lock
from stormlog.engine.database.lazy_schema import Database
from stormlog.engine.database.settings import Settings
from stormlog.engine.database.sql_files import load_sql_files
from stormlog.engine.database.tables import LINES_GIVEN_VIEW, TABLES
from stormlog.engine.engine import Engine

__all__ = ["UsedDatabases"]

#: Databases that wait for a store. Most tests have one store open at a time.
_MOST_WAITING = 2
#: Rows that are deleted stay in memory, so a database does not live for ever.
_MOST_USES = 100

_new_database = Engine._new_database
_own_cursor = Engine.own_cursor


class _UsedDatabase(Database):
    """A database that goes to the next store instead of being closed.

    Attributes:
        uses: Number of stores that had it.
        registered: Functions of Python that are registered in it.
        is_spoilt: Whether the next store might notice the one before.
    """

    def __init__(self, connection: duckdb.DuckDBPyConnection, databases: UsedDatabases) -> None:
        super().__init__(connection)
        self._databases = databases
        self.uses = 0
        self.registered: set[str] = set()
        self.is_spoilt = False

    def stop(self, reason: str) -> None:
        self.is_spoilt = True
        super().stop(reason)

    def close(self) -> None:
        self.uses += 1
        if (
            self.is_spoilt
            or self.uses >= _MOST_USES
            or not self._empty()
            or not self._databases.give_back(self)
        ):
            super().close()

    def _empty(self) -> bool:
        """Empty all tables; false if there is one that a new database would not have or could not get."""
        known = TABLES.keys() | {file.table_name for file in load_sql_files() if file.is_materialised}
        script = [LINES_GIVEN_VIEW]
        try:
            found = self._connection.execute(
                "SELECT concat_ws('.', schema_name, table_name), estimated_size FROM duckdb_tables() WHERE NOT internal"
            ).fetchall()
            for name, row_count in found:
                if name not in known:
                    return False
                if row_count and name in TABLES:
                    # Not DELETE: line numbers are counted from row ids, which start at 0 in a new table only.
                    script.append(f"CREATE OR REPLACE TABLE {name} ({TABLES[name]});")
                elif row_count:
                    script.append(f"DELETE FROM {name};")
            self._connection.execute("\n".join(script))
        except duckdb.Error:
            return False
        self._ever_filled.clear()
        return True


class UsedDatabases:
    """The databases of this process that wait for a store.

    Args:
        folder: Where they keep what does not fit into memory.
        readable: Folders below which stores read: a database reads all of them, and each test only what it wrote.
    """

    def __init__(self, folder: str, readable: list[str]) -> None:
        self._spill = os.path.join(folder, "spill")
        self._readable = readable
        self._waiting: list[_UsedDatabase] = []
        self._guard = threading.Lock()
        #: Whether stores get databases that were used.
        self.are_given = False

    def give_back(self, database: _UsedDatabase) -> bool:
        """Keep a database for the next store; false if enough are kept."""
        with self._guard:
            is_kept = self.are_given and len(self._waiting) < _MOST_WAITING
            if is_kept:
                self._waiting.append(database)
        return is_kept

    def of_engine(self, engine: Any) -> Database:
        """Return the database of a new engine, in place of `Engine._new_database`."""
        if not self.are_given or engine._settings != Settings():
            return _new_database(engine)
        with self._guard:
            database = self._waiting.pop() if self._waiting else None
        if database is None:
            connection = connect(Settings(), self._spill)
            database = _UsedDatabase(connection, self)
            lock(connection, self._readable)
        engine._registered = database.registered
        return database

    def close(self) -> None:
        """Close the databases that wait."""
        self.are_given = False
        while self._waiting:
            Database.close(self._waiting.pop())


def own_cursor(engine: Any) -> Any:
    """Give a user a connection, in place of `Engine.own_cursor`: nobody knows how long it is used, and for what."""
    database = engine._database
    if isinstance(database, _UsedDatabase):
        database.is_spoilt = True
    return _own_cursor(engine)
