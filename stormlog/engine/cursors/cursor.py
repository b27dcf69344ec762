"""Cursors that see all tables of a store as they were at one moment, and that any thread can stop.

Promise: what a cursor reads does not change while other threads fill the tables again, and no thread waits long
for a statement that was told to stop.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator, Mapping, Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from stormlog.errors import QueryError

if TYPE_CHECKING:
    import duckdb

__all__ = ["CLOSED", "INTERRUPTED", "SnapshotCursor"]

#: Reasons to stop a statement.
CLOSED = "the store is closed"
INTERRUPTED = "interrupted"

#: More columns than anybody reads; each costs a multiple of its values.
MOST_COLUMNS = 100_000
#: Seconds between two interrupts of a statement that did not stop yet.
_STEP_S = 0.02


class SnapshotCursor:
    """A cursor within a read-only transaction.

    DuckDB keeps the old rows of a table for as long as a transaction may read them, so close the cursor soon.

    Args:
        connection: The connection of the store; no other thread may use it while this is made.
        opened: Files and directories that statements of users may read.
    """

    def __init__(self, connection: duckdb.DuckDBPyConnection, opened: Sequence[str] = ()) -> None:
        self._opened = opened
        #: The cursor of DuckDB; use it inside `using`.
        self.connection = connection.cursor()
        self.is_closed = False
        #: Whether a statement failed or was stopped: there will be no other before `begin`.
        self.has_failed = False
        self._in_use = threading.RLock()
        self._stop_reason: str | None = None
        self._described: Sequence[Any] = ()
        self.begin()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def begin(self) -> None:
        """Take a new snapshot; no other thread may fill tables meanwhile."""
        import duckdb

        with self._in_use:
            if self.is_closed:
                raise QueryError(CLOSED)
            with contextlib.suppress(duckdb.Error):
                # There is no transaction yet, or there is one that failed.
                self.connection.rollback()
            self._stop_reason, self.has_failed = None, False
            self.connection.execute("BEGIN TRANSACTION READ ONLY")
            # DuckDB takes the snapshot when a transaction first reads a table, not when it begins.
            self.connection.execute("SELECT 1 FROM raw.files LIMIT 0").fetchall()

    def execute(self, name: str, text: str, params: Mapping[str, Any] | Sequence[Any] | None) -> list[str]:
        """Run a statement and return the names of its columns.

        Args:
            name: What errors call the statement.
            text: The statement.
            params: Its values.

        Raises:
            QueryError: DuckDB refuses it or fails, or somebody stopped it.
        """
        with self.using(name, text) as connection:
            described = connection.execute(text, params or None).description or ()
            self.require_few_columns(described, text)
            self._described = described
            return [column[0] for column in described]

    @property
    def types(self) -> list[str]:
        """Types of the columns of the statement that `execute` ran last, as DuckDB writes them."""
        return [str(column[1]) for column in self._described]

    def require_few_columns(self, columns: Sequence[Any], text: str) -> None:
        """Refuse a statement with more columns than an answer may have.

        Raises:
            QueryError: it has.
        """
        if len(columns) > MOST_COLUMNS:
            raise QueryError(
                f"the statement has {len(columns):,} columns, and an answer has at most {MOST_COLUMNS:,}: "
                "name those that are needed",
                statement="sql",
                sql=text,
            )

    def fetch(self, name: str, text: str, count: int) -> list[tuple[Any, ...]]:
        """Return the next rows of the statement, at most ``count``; none after the last one.

        Raises:
            QueryError: DuckDB fails, or somebody stopped the statement.
        """
        with self.using(name, text) as connection:
            return connection.fetchmany(count)

    def require_reading(self, text: str, params: Mapping[str, Any] | Sequence[Any] | None = None) -> None:
        """Refuse a statement of a user whose plan does more than reading.

        Raises:
            QueryError: it does, DuckDB cannot plan it, or it could wait for a pipe.
        """
        from stormlog.engine.cursors.read_only import require_reading_plan

        # DuckDB opens files to make the plan.
        self.require_no_pipes(text)
        with self.using("sql", text) as connection:
            require_reading_plan(connection, text, params)

    def require_no_pipes(self, text: str) -> None:
        """Refuse SQL of a user that reads files while a pipe lies in the opened paths.

        Raises:
            QueryError: see `stormlog.engine.cursors.waiting_files`.
        """
        from stormlog.engine.cursors.waiting_files import require_no_pipes

        require_no_pipes(text, self._opened)

    @contextlib.contextmanager
    def using(self, name: str, text: str | None = None) -> Iterator[duckdb.DuckDBPyConnection]:
        """Use the cursor of DuckDB, one thread at a time; its errors become a `QueryError`."""
        import duckdb

        with self._in_use:
            try:
                self._refuse_stopped(name, text)
                yield self.connection
                self._refuse_stopped(name, text)
            except QueryError as error:
                self.has_failed = True
                if self._stop_reason is None:
                    raise
                raise QueryError(self._stop_reason, statement=name, sql=text) from error
            except duckdb.Error as error:
                self.has_failed = True
                reason = self._stop_reason if isinstance(error, duckdb.InterruptException) else None
                raise QueryError(reason or str(error), statement=name, sql=text) from error

    def _refuse_stopped(self, name: str, text: str | None) -> None:
        if self._stop_reason is not None:
            raise QueryError(self._stop_reason, statement=name, sql=text)

    def interrupt(self) -> None:
        """Do what `stop` does, for somebody who waits no longer."""
        self.stop(INTERRUPTED)

    def stop(self, reason: str) -> None:
        """Make the running statement fail, and every use from now on; from any thread.

        Args:
            reason: What the error says.
        """
        import duckdb

        self._stop_reason, self.has_failed = reason, True
        with contextlib.suppress(duckdb.Error):
            self.connection.interrupt()

    def close(self) -> None:
        """End the transaction; what another thread runs fails first. More than once is fine."""
        while not self._in_use.acquire(timeout=_STEP_S):
            self.stop(CLOSED)
        try:
            if not self.is_closed:
                self.is_closed = True
                self._stop_reason = CLOSED
                self.connection.close()
        finally:
            self._in_use.release()
