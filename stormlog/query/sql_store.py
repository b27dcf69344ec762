"""SQL of users over the views of a store, and tables of their own beside these.

Promise: a statement of `SqlStore.sql` and its like only reads. A table of a user's own is a copy: what happens to the
file or the frame afterwards does not change an answer.
"""

from __future__ import annotations

import os
import re
import threading
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

from stormlog.errors import QueryError
from stormlog.query.asking import AnsweringStore

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    import pyarrow

    from stormlog.engine import Connection, Engine, OwnTable, Question, Relation, SnapshotCursor
    from stormlog.query.adhoc import SqlResult
    from stormlog.query.streams import RowStream

__all__ = ["SqlStore"]

_Result = TypeVar("_Result")

#: Statements that list more than what is for users, and the same without the inside of Stormlog.
_LISTINGS = {
    "SHOW ALL TABLES": "FROM (SHOW ALL TABLES) WHERE schema IN ('main', 'tracking')",
    "SHOW SCHEMAS": "FROM (SHOW SCHEMAS) WHERE schema_name IN ('main', 'tracking')",
}
_LISTINGS |= dict.fromkeys(("SHOW", "DESCRIBE", "DESC"), _LISTINGS["SHOW ALL TABLES"])
#: Rows of a batch of Arrow.
_BATCH_ROWS = 10_000


class SqlStore(AnsweringStore):
    """A store that runs statements of users."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._connections = threading.local()

    # ---- connections ---------------------------------------------------------------------------------------

    @property
    def connection(self) -> Connection:
        """A DuckDB connection in which every view answers: one object for each thread that asks for it.

        Everything is read for it. What is registered with it stays until the store is closed, in this thread; use
        `register` for a table that all threads and `sql` see. After a `refresh` that changes something it raises
        `QueryError` until this property is looked at again, which reads what changed. As it may write to the tables of
        this store, no answer is remembered from now on.

        Source: docs/python.md#arrow-data-frames-notebooks.
        """
        from stormlog.engine import Connection

        with self._lock:
            self._has_own_rows = True
            engine = self._prepared(None)
            self._has_given_connection = True
            refuse_changed = partial(self._refuse_changed, self._generation)
            known_engine, known = getattr(self._connections, "known", (None, None))
            if known is not None and known_engine is engine and not known.is_closed:
                known.renew(refuse_changed)
                return known  # type: ignore[no-any-return]
            connection = Connection(engine.own_cursor(), refuse_changed)
            self._connections.known = engine, connection
            return connection

    def relation(self, name: str) -> Relation:
        """Return a view, or a table of your own, as a DuckDB relation, for further SQL, Arrow, or data frames.

        It belongs to the files that the store sees now: after a `refresh` that changes something every use of it
        raises `QueryError`.

        Raises:
            ValueError: there is no such view.
        """
        from stormlog.engine import Relation

        with self._lock:
            prepare = partial(self._prepare_relation, name)
            engine = prepare()
            cursor = engine.cursor()
            refuse_changed = partial(self._refuse_changed, self._generation)

            def begin_again(cursor: SnapshotCursor) -> None:
                with self._lock:
                    refuse_changed()
                    prepare()
                    cursor.begin()

            is_table = name.startswith("tracking.") or engine.own_tables.find(name) is not None
            with cursor.using("relation") as connection:
                found = connection.table(name) if is_table else connection.view(name)
            return Relation(found, cursor, refuse_changed, begin_again)

    def _prepare_relation(self, name: str) -> Engine:
        """Make a view answer; the lock is held."""
        from stormlog.engine import view_names

        if name.startswith("tracking."):
            engine = self._prepared({"tracking", name})
            if name not in engine.tracking_names:
                raise ValueError(f"no table {name!r}; there are {', '.join(engine.tracking_names)}")
            return engine
        if name not in view_names():
            engine = self._engine()
            if engine.own_tables.find(name) is None:
                known = [*view_names(), *engine.own_tables.columns]
                raise ValueError(f"no view {name!r}; there are {', '.join(known)}")
        return self._prepared({name})

    # ---- own tables ----------------------------------------------------------------------------------------

    def register(self, name: str, data: Any) -> OwnTable:
        """Make a table of a data frame, a relation or Arrow, for all later statements of this store.

        The rows are copied: what happens to ``data`` afterwards does not matter. A table of that name is replaced.

        Args:
            name: What statements call the table.
            data: A frame of pandas or Polars, a table, batch or reader of Arrow, a relation of DuckDB or of a store,
                a result of `sql`, or anything else with ``__arrow_c_stream__``.

        Raises:
            ValueError: a view has that name, it is no name, or the data cannot be a table.
            QueryError: the store is closed, or DuckDB failed.

        Source: docs/sql.md#own-tables.
        """
        from contextlib import nullcontext

        from stormlog.engine import require_free_name, rows_of

        require_free_name(name)
        rows = rows_of(data)
        with self._lock:
            self._has_own_rows = True
            return self._engine().own_tables.create(name, nullcontext(rows))

    def attach(self, name: str, file: str | os.PathLike[str]) -> OwnTable:
        """Make a table of a file, for all later statements of this store.

        The file is read once, now. Statements cannot read it in any other way, unless it lies in the opened paths.

        Args:
            name: What statements call the table.
            file: CSV, JSON lines, Parquet, Arrow, or ``FILE#TABLE`` for a table of a SQLite database.

        Raises:
            ValueError: a view has that name, or it is no name.
            SourceError: the file cannot be read, is not what its name says, or changed while it was read.
            QueryError: the store is closed, or DuckDB failed.

        Source: docs/sql.md#own-tables.
        """
        from stormlog.engine import attached_rows

        with self._lock:
            self._has_own_rows = True
            return self._engine().own_tables.create(name, attached_rows(os.fspath(file)))

    def unregister(self, name: str) -> None:
        """Remove a table that `register` or `attach` made.

        Raises:
            ValueError: there is none of that name.
        """
        with self._lock:
            self._engine().own_tables.drop(name)

    def own_tables(self) -> dict[str, list[str]]:
        """Return the columns of the tables that `register` and `attach` made, by name."""
        with self._lock:
            return dict(self._engine().own_tables.columns)

    # ---- statements ----------------------------------------------------------------------------------------

    def sql(self, text: str, params: Mapping[str, Any] | Sequence[Any] | None = None) -> SqlResult:
        """Run one SELECT over the views.

        Only the opened paths are readable, and nothing is writable.

        Args:
            text: The statement, with ``$name`` or ``?`` for values; EXPLAIN may stand before it.
            params: The values.

        Raises:
            QueryError: the statement is refused or fails.
        """
        from stormlog.query.adhoc import SqlResult

        def read(question: Question, text: str) -> SqlResult:
            with question.cursor as cursor:
                columns, rows = question.engine.fetch(cursor, "sql", text, params)
                return SqlResult(columns, rows, cursor.types)

        return self._read_sql(text, params, read)

    def iter_sql(
        self,
        text: str,
        params: Mapping[str, Any] | Sequence[Any] | None = None,
        *,
        timeout_s: float | None = None,
        give_up: Callable[[QueryError], None] | None = None,
        cancelled: threading.Event | None = None,
    ) -> RowStream[tuple[Any, ...]]:
        """Run one SELECT over the views, and return an iterator over its rows that does not hold them all.

        Args:
            text: The statement, with ``$name`` or ``?`` for values.
            params: The values.
            timeout_s: Seconds in which the first rows have to be there, not counting the time in which files are read;
                what other threads ask goes on. None sets no limit.
            give_up: Called with the error, by another thread, if the statement does not come to its end although it
                was stopped: DuckDB evaluates a constant, for example, in one piece.
            cancelled: Set it, in another thread, to stop the statement before its first rows are there.

        Raises:
            QueryError: the statement is refused or fails, takes too long, or is cancelled.

        Source: docs/python.md#many-events.
        """
        from stormlog.query.streams import RowStream

        def read(question: Question, text: str) -> RowStream[tuple[Any, ...]]:
            cursor = question.cursor
            columns = cursor.execute("sql", text, params)
            fetch = partial(cursor.fetch, "sql", text)
            return RowStream(columns, fetch, lambda row: row, cursor.close, lambda _: None, cursor.types)

        return self._read_sql(
            text,
            params,
            read,
            timeout_s=timeout_s,
            give_up=give_up,
            cancelled=cancelled,
            is_sparing=True,
        )

    def iter_arrow(
        self, text: str, params: Mapping[str, Any] | Sequence[Any] | None = None
    ) -> pyarrow.RecordBatchReader:
        """Run one SELECT over the views, and return its rows as batches of Arrow that are read while they are used.

        Names that occur twice get a number. Integers of 128 bits become decimals of 38 digits, and one that has more
        is an error; intervals, bit strings and unions become text.

        Args:
            text: The statement, with ``$name`` or ``?`` for values.
            params: The values.

        Raises:
            QueryError: the statement is refused or fails.

        Source: docs/sql.md#what-each-format-does.
        """
        from stormlog.engine import exact_relation, next_batch

        def read(question: Question, text: str) -> pyarrow.RecordBatchReader:
            import pyarrow

            cursor = question.cursor
            with cursor.using("sql", text) as connection:
                # The connection takes nothing else while rows of the checks are left.
                connection.complete()
                found = connection.sql(text, params=params or None)
                cursor.require_few_columns(found.columns, text)
                relation = exact_relation(found)
                reader = relation.to_arrow_reader(_BATCH_ROWS)

            def batches() -> Iterator[pyarrow.RecordBatch]:
                with cursor:
                    while (batch := next_batch(cursor, reader, "sql", text)) is not None:
                        yield batch

            return pyarrow.RecordBatchReader.from_batches(reader.schema, batches())

        return self._read_sql(text, params, read, is_sparing=True)

    def _read_sql(
        self,
        text: str,
        params: Mapping[str, Any] | Sequence[Any] | None,
        read: Callable[[Question, str], _Result],
        *,
        timeout_s: float | None = None,
        give_up: Callable[[QueryError], None] | None = None,
        cancelled: threading.Event | None = None,
        is_sparing: bool = False,
    ) -> _Result:
        """Return what ``read`` makes of a statement of a user that only reads.

        Args:
            is_sparing: Whether what the statement needs is read with little memory, as its rows are.
        """
        from stormlog.engine import is_own_query, plain_statement
        from stormlog.query.deadlines import deadline

        text = plain_statement(_LISTINGS.get(re.sub(r"[\s;]+", " ", text).strip().upper(), text))

        def require_and_read(question: Question) -> _Result:
            # Only this statement is stopped: other threads ask other cursors.
            with deadline(question.cursor.interrupt, timeout_s, give_up, cancelled):
                if not is_own_query(text):
                    question.cursor.require_reading(text, params)
                return read(question, text)

        try:
            return self._ask(partial(self._begin_sql, text, is_sparing=is_sparing), require_and_read)
        except QueryError as error:
            from stormlog.engine import with_near_names

            explained = with_near_names(error, text, self._open_own_tables())
            if explained is error:
                raise
            raise explained from error.__cause__

    def _open_own_tables(self) -> Mapping[str, Sequence[str]]:
        engine = self._open_engine
        return {} if engine is None else engine.own_tables.columns

    def _begin_sql(self, text: str, *, is_sparing: bool) -> Question:
        """Prepare what a statement of a user names, if it is one that only reads."""
        from stormlog.engine import is_own_query, require_reading_tree
        from stormlog.query.adhoc import names_in

        if not is_own_query(text):
            with self._engine().cursor() as cursor, cursor.using("sql", text) as connection:
                require_reading_tree(connection, text)
        views = names_in(text)
        engine = self._prepared(views, is_sparing=is_sparing)
        engine.allow_functions(views)
        return self._question(engine, text)
