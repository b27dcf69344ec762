"""Questions about what comes: events, and how runs go.

Promise: whoever does not ask them imports nothing of `stormlog.query.arrivals` and `stormlog.query.live`.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from stormlog.query import statements
from stormlog.query.asking import AnsweringStore
from stormlog.query.statements import Statement
from stormlog.query.streams import RowStream

if TYPE_CHECKING:
    from collections.abc import Mapping

    from stormlog.engine import Generation, Question
    from stormlog.query.arrivals import EventFollower
    from stormlog.query.filters import EventFilter
    from stormlog.query.live import RunFollower
    from stormlog.query.live_rows import LiveRank
    from stormlog.query.rows import EventRow

__all__ = ["FollowQuestions", "LiveQuestions"]


class FollowQuestions(AnsweringStore):
    """The part of `stormlog.query.QueryStore` that tells events as they come."""

    def follow_events(self, filters: EventFilter | None = None) -> EventFollower:
        """Return what tells new events: call its `look` now, and after each `refresh`.

        All events are held by the store, in memory as far as its limit goes, and eight bytes of each in this process.

        Args:
            filters: Which events are wanted, without order, limit and page.

        Raises:
            ValueError: the filter asks for an order, a limit or a page.

        Source: docs/python.md#events-as-they-come.
        """
        if filters is not None and any(
            value is not None for value in (filters.sort, filters.limit, filters.page)
        ):
            raise ValueError("events come as they come: leave out sort, limit and page")
        from stormlog.query.arrivals import EventFollower

        return EventFollower(self, statements.events_statement(filters))

    def _rows_now(
        self, name: str, statement: Statement, generation: Generation | None
    ) -> tuple[list[tuple[Any, ...]], Generation]:
        """Return the rows of a statement that is asked once, and is not worth being remembered."""

        def read(question: Question) -> tuple[list[tuple[Any, ...]], Generation]:
            with question.cursor as cursor:
                return question.engine.fetch(cursor, name, *statement)[1], question.generation

        return self._ask(lambda: self._begin_now(statement, "events", generation), read)

    def _stream_now(
        self, statement: Statement, views: str, generation: Generation | None
    ) -> RowStream[EventRow]:
        """Return the rows of such a statement while they are fetched."""
        from stormlog.query.results import event_row

        def read(question: Question) -> RowStream[EventRow]:
            cursor = question.cursor
            columns = cursor.execute("follow_events", *statement)

            def fetch(count: int) -> list[tuple[Any, ...]]:
                return cursor.fetch("follow_events", statement[0], count)

            return RowStream(columns, fetch, event_row, cursor.close, lambda _: None)

        return self._ask(lambda: self._begin_now(statement, views, generation), read)

    def _begin_now(self, statement: Statement, views: str, generation: Generation | None) -> Question:
        self._refuse_other(generation)
        return self._begin(statement, views, None, is_selective=False)


class LiveQuestions(AnsweringStore):
    """The part of `stormlog.query.QueryStore` that follows live runs."""

    def follow_runs(self, *, since_ns: int | None = None) -> RunFollower:
        """Return what tells how runs go: call its `look` now, and after each `refresh`.

        Args:
            since_ns: Leave out runs that wrote nothing since then, nanoseconds since the Unix epoch; the newest one is
                always told of. By default since an hour ago.

        Source: docs/top.md.
        """
        from stormlog.query.live import FOLLOWED_NS, RunFollower

        return RunFollower(self, time.time_ns() - FOLLOWED_NS if since_ns is None else since_ns)

    def list_live_ranks(self, *, since_ns: int | None = None) -> list[LiveRank]:
        """Return what each rank does now: what needs attention first. For more than one look use `follow_runs`.

        Args:
            since_ns: As of `follow_runs`.

        Raises:
            QueryError: the store is closed, files changed while it was asked, or DuckDB failed.
            SourceError: the store is strict and something had to be skipped.

        Source: docs/top.md.
        """
        return self.follow_runs(since_ns=since_ns).look().ranks

    def _live_rows(
        self, name: str, params: Mapping[str, Any], views: str, generation: Generation | None
    ) -> tuple[list[dict[str, Any]], Generation, object]:
        """Return the rows of a statement that is asked once, their generation, and the engine that answered."""
        statement = statements.explaining_statement(name, params)

        def begin() -> Question:
            self._refuse_other(generation)
            return self._begin(statement, views, None, is_selective=False)

        def read(question: Question) -> tuple[list[dict[str, Any]], Generation, object]:
            with question.cursor as cursor:
                columns, rows = question.engine.fetch(cursor, name, *statement)
            return (
                [dict(zip(columns, row, strict=True)) for row in rows],
                question.generation,
                question.engine,
            )

        return self._ask(begin, read)
