"""A connection with the library and the macro that the tests of SQL files call."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from stormlog.engine.database.connection import connect
from stormlog.engine.database.lazy_schema import Database
from stormlog.engine.database.python_functions import UDFS, register
from stormlog.engine.database.settings import Settings
from stormlog.engine.database.sql_files import load_sql_files
from stormlog.engine.index.kept_rows import Parts

if TYPE_CHECKING:
    import duckdb

ASSERT_EQUALS = """
CREATE MACRO assert_equals(expected, actual) AS (
    CASE
        WHEN (expected) IS NOT DISTINCT FROM (actual) THEN true
        ELSE error(concat(
            'expected ', coalesce(CAST((expected) AS VARCHAR), 'NULL'),
            ', got ', coalesce(CAST((actual) AS VARCHAR), 'NULL')
        ))
    END
)
"""


@pytest.fixture(scope="session")
def database(tmp_path_factory: pytest.TempPathFactory) -> Iterator[duckdb.DuckDBPyConnection]:
    """An empty store with every macro, every view, their comments, and ``assert_equals``."""
    database = Database(connect(Settings(threads=2), str(tmp_path_factory.mktemp("spill"))))
    connection = database.connection
    connection.execute(ASSERT_EQUALS)
    register(connection, sorted(UDFS))
    Parts(database, "nowhere").show()
    database.require(file.table_name for file in load_sql_files() if file.kind == "VIEW")
    database.document()
    yield connection
    connection.close()
