"""Keeps the database of a store: fills tables when, and only when, a view needs them."""

from __future__ import annotations

import threading
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from stormlog.errors import QueryError
from stormlog.query.connection import connect, lock
from stormlog.query.library import document, load_library
from stormlog.query.reading import Reader
from stormlog.query.staging import stage_all_spans, stage_issues, stage_sessions, unnest_into
from stormlog.query.udfs import UDFS, register

if TYPE_CHECKING:
    import duckdb

    from stormlog.query.catalog.artifact_catalog import ArtifactCatalog

__all__ = ["Engine"]

#: Views that show columns which are kept only when everything is.
_NEED_ALL_RECORDS = {"events", "projected_records"}
#: Views that rest on classified evidence.
_NEED_ISSUES = {"issues", "issue_evidence", "memory_gaps", "stage"}
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
        self._connection: duckdb.DuckDBPyConnection | None = connect(threads, memory_limit)
        self._reader = Reader(self._connection, catalog)
        lock(self._connection, self._reader.readable_paths(catalog.paths))
        self._has_records = self._has_all_records = self._has_issues = self._has_spans = False
        self._is_documented = False
        self._registered: set[str] = set()
        self._created: set[str] = set()
        self._active: duckdb.DuckDBPyConnection | None = None
        self._closing = threading.Lock()
        self._fill_catalog()

    @property
    def view_names(self) -> list[str]:
        """Names of the public views."""
        return [file.name for file in load_library() if file.kind == "VIEW" and "." not in file.name]

    def close(self) -> None:
        """Close the connection; more than once is fine."""
        with self._closing:
            if self._connection is not None:
                self._connection.close()
                self._connection = None
                self._reader.close()

    def cursor(self) -> duckdb.DuckDBPyConnection:
        """Return a connection to the same database, for one statement of one thread.

        Raises:
            QueryError: the store is closed.
        """
        if self._connection is None:
            raise QueryError("the store is closed")
        return self._connection.cursor()

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

        try:
            result = cursor.execute(text, params or None)
            return [column[0] for column in result.description or ()], result.fetchall()
        except duckdb.Error as error:
            raise QueryError(str(error), statement=name, sql=text) from error

    def progress(self) -> float | None:
        """Return how much of the running statement is done, in percent."""
        connection = self._connection
        if connection is None:
            return None
        percent = connection.query_progress()
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
        if self._connection is None:
            raise QueryError("the store is closed")
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
                stage_issues(self._connection)
                self._has_issues, self._has_spans = True, False
            if needs_spans and not self._has_spans:
                stage_all_spans(self._connection)
                self._has_spans = True
            self._define_on_demand(wanted)
            if not self._is_documented and wanted & {"duckdb_columns", "duckdb_views", "duckdb_functions"}:
                self._define_on_demand(self.view_names)
                document(self._connection)
                self._is_documented = True
        except duckdb.Error as error:
            raise QueryError(str(error), statement="prepare") from error

    def _read(self, *, keep_all: bool) -> None:
        assert self._connection is not None
        self._reader.read(keep_all=keep_all)
        self._has_records, self._has_all_records = True, keep_all
        stage_sessions(self._connection)
        self._fill_warnings()

    def _fill_catalog(self) -> None:
        from stormlog.query.catalog_tables import fill_catalog

        assert self._connection is not None
        fill_catalog(self._connection, self._catalog)
        self._fill_warnings()

    def _fill_warnings(self) -> None:
        assert self._connection is not None
        rows = [(warning.path, warning.code, warning.message) for warning in self._catalog.warnings]
        unnest_into(self._connection, "raw.warnings", "VARCHAR, VARCHAR, VARCHAR", rows)

    def _define_on_demand(self, wanted: Collection[str]) -> None:
        """Register the functions of Python that are wanted, and create the wanted views that need some."""
        views = [file for file in load_library() if file.needs and file.name in wanted]
        names = {name for view in views for name in view.needs} | (set(wanted) & UDFS.keys())
        if not names <= self._registered:
            assert self._connection is not None
            register(self._connection, sorted(names - self._registered))
            self._registered |= names
        for view in views:
            if view.name not in self._created:
                assert self._connection is not None
                self._connection.execute(view.statement)
                self._created.add(view.name)
