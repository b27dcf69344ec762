"""Rows of a statement that are fetched while they are used, so that memory does not grow with their number."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from types import TracebackType
from typing import Any, Generic, Self, TypeVar, cast

__all__ = ["RowStream"]

#: Rows that are fetched at a time.
BATCH_ROWS = 2_000
#: Longer answers are not remembered: until they end, their rows are held.
_MOST_KEPT_ROWS = 10_000

_Row = TypeVar("_Row")
_Other = TypeVar("_Other")


class RowStream(Iterator[_Row], Generic[_Row]):
    """An iterator over the rows of a statement, for one thread at a time.

    All rows are of the moment when the question was asked. Close it, use it in a ``with`` statement or come to its
    end: until then the database keeps what it reads from.

    Args:
        columns: Names of the columns of the statement, in order.
        fetch: Returns the next rows, at most as many as it is told; none at the end.
        build: Makes what is returned from a row of the statement.
        close: Called once nothing more is fetched.
        keep: Called at the end with all rows, if they were few.
        types: Types of the columns, as DuckDB writes them, where they are known.

    Attributes:
        columns: Names of the columns of the statement, in order.
        types: Their types, as DuckDB writes them; none where they are not known.
        is_empty: Whether the statement has no rows at all.

    Raises:
        QueryError: while it is used: the store was closed or interrupted, or DuckDB failed.
    """

    def __init__(
        self,
        columns: Sequence[str],
        fetch: Callable[[int], list[tuple[Any, ...]]],
        build: Callable[[tuple[Any, ...]], _Row],
        close: Callable[[], None],
        keep: Callable[[list[tuple[Any, ...]]], None],
        types: Sequence[str] = (),
    ) -> None:
        self.columns = list(columns)
        self.types = list(types)
        self._fetch = fetch
        self._build = build
        self._close = close
        self._keep = keep
        self._is_open = True
        self._few_rows: list[tuple[Any, ...]] | None = []
        # The first rows come with the question: what is wrong with it is told where it is asked.
        first = self._next_batch()
        self.is_empty = not first
        self._batch = iter(first)

    @classmethod
    def of(
        cls,
        columns: Sequence[str],
        rows: Sequence[tuple[Any, ...]],
        build: Callable[[tuple[Any, ...]], _Row],
    ) -> Self:
        """Return a stream of rows that are known already."""
        batches = iter([list(rows)])
        return cls(columns, lambda _: next(batches, []), build, lambda: None, lambda _: None)

    def mapped(self, change: Callable[[_Row], _Other]) -> RowStream[_Other]:
        """Make every further row into something else, and return the stream of that."""
        stream = cast("RowStream[Any]", self)
        build = stream._build
        stream._build = lambda row: change(build(row))
        return stream

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> _Row:
        row = next(self._batch, None)
        if row is None:
            self._batch = iter(self._next_batch())
            row = next(self._batch)
        return self._build(row)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Fetch no more rows; more than once is fine."""
        self._batch = iter(())
        self._few_rows = None
        if self._is_open:
            self._is_open = False
            self._close()

    def _next_batch(self) -> list[tuple[Any, ...]]:
        if not self._is_open:
            return []
        try:
            rows = self._fetch(BATCH_ROWS)
        except BaseException:
            self.close()
            raise
        few = self._few_rows
        if not rows:
            self.close()
            if few is not None:
                self._keep(few)
        elif few is not None:
            few += rows
            if len(few) > _MOST_KEPT_ROWS:
                self._few_rows = None
        return rows
