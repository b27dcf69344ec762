"""Relations and connections of DuckDB that belong to the files which a store saw when they were made.

Promise: a relation answers from one moment of the tables and never writes; after a refresh that changed something,
relations and connections say so instead of answering from other files.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from stormlog.errors import QueryError

if TYPE_CHECKING:
    import duckdb

    from stormlog.engine.cursors.cursor import SnapshotCursor

__all__ = ["Connection", "Relation"]


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


#: Methods of DuckDB's relations that return another relation and run nothing.
_DERIVING = _words(
    "aggregate any_value apply arg_max arg_min avg bit_and bit_or bit_xor bitstring_agg bool_and bool_or count cross "
    "cume_dist dense_rank distinct drop except_ favg filter first first_value fsum geomean head histogram intersect "
    "join lag last last_value lead limit list max mean median min mode n_tile nth_value offset order percent_rank "
    "pivot product project quantile quantile_cont quantile_disc rank rank_dense rename row_number sample select "
    "select_dtypes select_types set_alias sort std stddev stddev_pop stddev_samp string_agg sum union union_by_name "
    "unique unnest unpivot value_counts var var_pop var_samp variance with_columns"
)
#: Methods that run the relation and return its rows, or a part of them.
_READING = _words(
    "__arrow_c_stream__ __len__ __repr__ __str__ _repr_mimebundle_ arrow describe df explain fetch_arrow_reader "
    "fetch_arrow_table fetch_record_batch fetchall fetchdf fetchnumpy pl preview show tf to_arrow_reader "
    "to_arrow_table to_df to_dicts torch"
)
#: Properties that run nothing.
_DESCRIBING = _words("alias columns description dtypes type types")


class Relation:
    """A view as a relation of DuckDB: filter, aggregate, join, then take rows, Arrow or a data frame.

    It has those methods of ``duckdb.DuckDBPyRelation`` that only read; ``relation["name"]`` is one column.

    Args:
        relation: DuckDB's relation.
        cursor: The cursor that it was made with.
        refuse_changed: Raises `QueryError` if the store saw other files since.
        begin_again: Takes a new snapshot with the cursor, after a statement failed.

    Raises:
        QueryError: files changed since, the store is closed, DuckDB fails, or a method is called that writes.

    Source: docs/python.md#arrow-data-frames-notebooks.
    """

    __slots__ = ("_begin_again", "_cursor", "_refuse_changed", "_relation")

    def __init__(
        self,
        relation: duckdb.DuckDBPyRelation,
        cursor: SnapshotCursor,
        refuse_changed: Callable[[], None],
        begin_again: Callable[[SnapshotCursor], None],
    ) -> None:
        self._relation = relation
        self._cursor = cursor
        self._refuse_changed = refuse_changed
        self._begin_again = begin_again

    def __getattr__(self, name: str) -> Any:
        if name in _DERIVING or name in _READING or name == "sql_query":
            return partial(self._call, name)
        if name in _DESCRIBING:
            return self._take(lambda: getattr(self._relation, name))
        if name.startswith("_"):
            raise AttributeError(name)
        if name == "shape":
            return len(self), len(self.columns)
        if hasattr(type(self._relation), name):
            return partial(self._refuse, name)
        if name in self.columns:
            return self[name]
        raise AttributeError(name)

    def __getitem__(self, name: str) -> Relation:
        return Relation(
            self._take(lambda: self._relation[name]), self._cursor, self._refuse_changed, self._begin_again
        )

    def __contains__(self, name: object) -> bool:
        return name in self.columns

    def __len__(self) -> int:
        return int(self._call("__len__"))

    def __repr__(self) -> str:
        return str(self._call("__repr__"))

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> Any:
        return self._call("__arrow_c_stream__", requested_schema)

    def _refuse(self, name: str, *_: Any, **__: Any) -> None:
        raise QueryError(
            f"{name}() is refused: relations of a store only read; go on from .df() or .to_arrow_table()",
            statement="relation",
        )

    def _call(self, name: str, *args: Any, **options: Any) -> Any:
        """Call a method of DuckDB's relation."""
        import duckdb

        from stormlog.engine.cursors.read_only import require_read_only

        args = tuple(self._own(argument) for argument in args)
        options = {key: self._own(value) for key, value in options.items()}
        for value in (*args, *options.values()):
            for text in value if isinstance(value, (list, tuple)) else [value]:
                if isinstance(text, (str, duckdb.Expression)):
                    self._cursor.require_no_pipes(str(text))

        def call() -> Any:
            if name in _READING:
                # Expressions are texts of users, and may hold statements.
                require_read_only(self._cursor.connection, self._relation.sql_query())
                # The connection takes nothing else while rows of the check are left.
                self._cursor.connection.complete()
            return getattr(self._relation, name)(*args, **options)

        return self._wrapped(self._take(call))

    def _own(self, argument: Any) -> Any:
        """Return DuckDB's own relation for one of these, made with the cursor of this one."""
        if not isinstance(argument, Relation) or argument._cursor is self._cursor:
            return _unwrapped(argument)
        text, alias = argument.sql_query(), argument.alias
        # The other relation may be of a table that was not there when this one was made.
        self._begin_again(self._cursor)
        with self._cursor.using("relation") as connection:
            return connection.sql(text).set_alias(alias)

    def _take(self, call: Callable[[], Any]) -> Any:
        self._refuse_changed()
        if self._cursor.has_failed:
            self._begin_again(self._cursor)
        with self._cursor.using("relation"):
            return call()

    def _wrapped(self, found: Any) -> Any:
        if not isinstance(found, type(self._relation)):
            return found
        return Relation(found, self._cursor, self._refuse_changed, self._begin_again)


class Connection:
    """A connection of DuckDB, or a relation made with one, that ends with a refresh that changes something.

    Everything that it has is DuckDB's: it can make temporary tables, and it can damage the tables of the store.

    Args:
        target: The connection or the relation.
        refuse_changed: Raises `QueryError` if the store saw other files since.
    """

    __slots__ = ("_refuse_changed", "_target", "is_closed")

    def __init__(self, target: Any, refuse_changed: Callable[[], None]) -> None:
        self._target = target
        self._refuse_changed = refuse_changed
        #: Whether its user closed it.
        self.is_closed = False

    def renew(self, refuse_changed: Callable[[], None]) -> None:
        """Go on with the tables as they are now.

        Args:
            refuse_changed: As above.
        """
        self._refuse_changed = refuse_changed

    def close(self) -> None:
        """Close the connection, or the relation."""
        self.is_closed = True
        self._target.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __getattr__(self, name: str) -> Any:
        found = self._checked(lambda: getattr(self._target, name))
        if not callable(found):
            return found
        return lambda *args, **options: self._checked(
            lambda: found(
                *map(_unwrapped, args), **{key: _unwrapped(value) for key, value in options.items()}
            )
        )

    def __len__(self) -> int:
        return int(self._checked(lambda: len(self._target)))

    def __getitem__(self, name: str) -> Any:
        return self._checked(lambda: self._target[name])

    def __repr__(self) -> str:
        return str(self._checked(lambda: repr(self._target)))

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> Any:
        return self._checked(lambda: self._target.__arrow_c_stream__(requested_schema))

    def _checked(self, call: Callable[[], Any]) -> Any:
        """Call, and return what it returned unless tables may have changed meanwhile."""
        import duckdb

        self._refuse_changed()
        found = call()
        self._refuse_changed()
        if found is self._target:
            return self
        if isinstance(found, (duckdb.DuckDBPyConnection, duckdb.DuckDBPyRelation)):
            return Connection(found, self._refuse_changed)
        return found


def _unwrapped(argument: Any) -> Any:
    """Return DuckDB's own relation for one of these."""
    if isinstance(argument, Relation):
        return argument._relation
    return argument._target if isinstance(argument, Connection) else argument
