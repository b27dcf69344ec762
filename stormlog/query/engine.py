"""Keeps the database of a store: fills tables when, and only when, a view needs them."""

from __future__ import annotations

import threading
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from stormlog.errors import QueryError
from stormlog.query.connection import connect, lock
from stormlog.query.database import Database
from stormlog.query.library import load_library
from stormlog.query.reading import Reader
from stormlog.query.staging import stage_all_spans, stage_issues, stage_sessions
from stormlog.query.udfs import UDFS, register

if TYPE_CHECKING:
    import duckdb

    from stormlog.query.catalog.artifact_catalog import ArtifactCatalog

__all__ = ["Engine"]

#: Views that show columns which are kept only when everything is.
_NEED_ALL_RECORDS = {"events", "projected_records"}
#: Views that rest on classified evidence.
_NEED_ISSUES = {"issues", "issue_evidence", "memory_gaps", "stage"}
#: Catalogs of DuckDB in which people look for views: then all are created, with their documentation.
_CATALOG_TABLES = {"duckdb_columns", "duckdb_views", "duckdb_functions", "describe", "information_schema"}
#: Views that show what reading skipped.
_NEED_READING = {"rejects", "catalog_warnings", "raw", "stage", "phase_spans"}


class Engine:
    """A connection and how far it is filled.

    Args:
        catalog: What to show; warnings of reading are added to it.
        threads: Threads of DuckDB, or ``None`` for all cores.
        memory_limit: Memory limit of DuckDB, or ``None`` for its default.
    """

    def __init__(self, catalog: ArtifactCatalog, *, threads: int | None, memory_limit: str | None) -> None:
        self._catalog = catalog
        self._open_database: Database | None = Database(connect(threads, memory_limit))
        self._reader = Reader(self._database, catalog)
        lock(self._database.connection, self._reader.readable_paths(catalog.paths))
        self._has_records = self._has_all_records = self._has_issues = self._has_spans = False
        self._registered: set[str] = set()
        self._running: list[duckdb.DuckDBPyConnection] = []
        self._closing = threading.Lock()
        self._fill_catalog()
        self._database.require(["rejects"])

    @property
    def view_names(self) -> list[str]:
        """Names of the public views."""
        return [file.name for file in load_library() if file.kind == "VIEW" and "." not in file.name]

    def close(self) -> None:
        """Close the connection; more than once is fine."""
        with self._closing:
            if self._open_database is not None:
                self._open_database.connection.close()
                self._open_database = None
                self._reader.close()

    @property
    def _database(self) -> Database:
        if self._open_database is None:
            raise QueryError("the store is closed")
        return self._open_database

    def cursor(self) -> duckdb.DuckDBPyConnection:
        """Return a connection to the same database, for one statement of one thread.

        Raises:
            QueryError: the store is closed.
        """
        return self._database.connection.cursor()

    def fetch(
        self,
        cursor: duckdb.DuckDBPyConnection,
        name: str,
        text: str,
        params: Mapping[str, Any] | Sequence[Any] | None,
    ) -> tuple[list[str], list[tuple[Any, ...]]]:
        """Run a statement and return its column names and rows.

        Raises:
            QueryError: DuckDB refuses it or fails.
        """
        import duckdb

        self._running.append(cursor)
        try:
            result = cursor.execute(text, params or None)
            return [column[0] for column in result.description or ()], result.fetchall()
        except duckdb.Error as error:
            raise QueryError(str(error), statement=name, sql=text) from error
        finally:
            self._running.remove(cursor)

    def interrupt(self) -> None:
        """Make every statement that runs now fail; from any thread."""
        database = self._open_database
        if database is not None:
            for connection in (database.connection, *self._running):
                connection.interrupt()

    def progress(self) -> float | None:
        """Return how much of the running statement is done, in percent."""
        if self._open_database is None:
            return None
        percent = self._open_database.connection.query_progress()
        return percent if percent >= 0 else None

    def prepare_all(self) -> None:
        """Make every view and every function answer."""
        self.prepare({*self.view_names, *UDFS})

    def prepare(self, names: Iterable[str]) -> None:
        """Make the views among ``names`` answer; other words do not matter.

        Raises:
            QueryError: DuckDB failed.
        """
        import duckdb

        wanted = set(names)
        wanted_views = wanted.intersection(self.view_names)
        database = self._database
        needs_all = bool(wanted & _NEED_ALL_RECORDS) or (
            "sessions" in wanted and self._reader.has_unlisted_sessions
        )
        needs_issues = bool(wanted & _NEED_ISSUES)
        needs_spans = "phase_spans" in wanted
        needs_any = needs_all or needs_issues or needs_spans or bool(wanted & _NEED_READING)
        try:
            if needs_all and not self._has_all_records:
                self._read(keep_all=True)
            elif needs_any and not self._has_records:
                self._read(keep_all=False)
            if needs_issues and not self._has_issues:
                stage_issues(database)
                self._has_issues, self._has_spans = True, False
            if needs_spans and not self._has_spans:
                stage_all_spans(database)
                self._has_spans = True
            is_about_columns = not wanted.isdisjoint(_CATALOG_TABLES)
            self._register(wanted | set(self.view_names) if is_about_columns else wanted)
            database.require(self.view_names if is_about_columns else wanted_views)
            if is_about_columns:
                database.document()
        except duckdb.Error as error:
            raise QueryError(str(error), statement="prepare") from error

    def _read(self, *, keep_all: bool) -> None:
        self._reader.read(keep_all=keep_all)
        self._has_records, self._has_all_records = True, keep_all
        stage_sessions(self._database)
        self._fill_warnings()

    def _fill_catalog(self) -> None:
        from stormlog.query.catalog_tables import fill_catalog

        fill_catalog(self._database, self._catalog)
        self._fill_warnings()

    def _fill_warnings(self) -> None:
        rows = [(warning.path, warning.code, warning.message) for warning in self._catalog.warnings]
        self._database.fill("raw.warnings", "VARCHAR, VARCHAR, VARCHAR", rows)

    def _register(self, wanted: Collection[str]) -> None:
        """Register the functions of Python that are wanted, or that wanted views need."""
        names = {name for file in load_library() if file.name in wanted for name in file.needs}
        names |= UDFS.keys() & wanted
        register(self._database.connection, sorted(names - self._registered))
        self._registered |= names
