"""Questions about events that come.

Promise: whoever does not ask them imports nothing of `stormlog.query.arrivals`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from stormlog.query import statements
from stormlog.query.asking import AnsweringStore
from stormlog.query.statements import Statement
from stormlog.query.streams import RowStream

if TYPE_CHECKING:
    from stormlog.engine import Generation, Question
    from stormlog.query.arrivals import EventFollower
    from stormlog.query.filters import EventFilter
    from stormlog.query.rows import EventRow

__all__ = ["FollowQuestions"]


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
