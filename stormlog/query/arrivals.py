"""Events as they come: those that were not there when the paths were looked at before.

Promise: an event is told once, wherever it goes. What files gain comes; what moves, such as events of a segment that
was compacted, does not come again; what is not there any more is counted, with its file.
"""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from stormlog.query import statements
from stormlog.query.asking import AnsweringStore
from stormlog.query.statements import FilteredStatement, Statement
from stormlog.query.streams import RowStream

if TYPE_CHECKING:
    from stormlog.engine import Generation, Question
    from stormlog.query.filters import EventFilter
    from stormlog.query.rows import EventRow

__all__ = ["Arrivals", "EventFollower", "FollowQuestions", "MissingEvents"]

#: What has to answer: events with their texts.
_VIEWS = "events"


class MissingEvents(NamedTuple):
    """Events that were told, and are not there any more.

    Attributes:
        path: The file that held them: it was cut, replaced or removed.
        event_count: How many of them are in no other file either.
    """

    path: str
    event_count: int


class Arrivals(NamedTuple):
    """What came since the last look.

    Attributes:
        events: The new events in the order of time; read them before the next look.
        missing: What is gone since the look before the last one, file by file.
    """

    events: RowStream[EventRow]
    missing: list[MissingEvents]


class _Unit(NamedTuple):
    """What was seen of a session in a file.

    Attributes:
        piece_id: Number of what was read of the file.
        event_count: Events.
        last_line: The last line that holds one.
        hashes: Hashes of their texts.
    """

    piece_id: int
    event_count: int
    last_line: int
    hashes: array[int]


_Place = tuple[str, str]


class EventFollower:
    """Knows which events were told.

    An event is judged by the filter when it comes: what its session becomes later does not matter.

    Args:
        store: What is followed; `look` is about the files that its last `refresh` saw.
        wanted: The statement that lists events.
    """

    def __init__(self, store: FollowQuestions, wanted: FilteredStatement) -> None:
        self._store = store
        self._wanted = wanted
        self._units: dict[_Place, _Unit] = {}
        # Events that were told, and are not where they were: file -> hashes, and all of them that were not found.
        self._gone: dict[str, list[array[int]]] = {}
        self._missing: Counter[int] = Counter()

    @property
    def is_in_doubt(self) -> bool:
        """Whether another look is wanted even if nothing changes: something is gone that may still come back."""
        return bool(self._gone)

    def look(self) -> Arrivals:
        """Return what came since the last look; at first, everything.

        Raises:
            QueryError: the store is closed, files changed while it was asked, or DuckDB failed.
            SourceError: the store is strict and something had to be skipped.
        """
        gone, self._gone = self._gone, {}
        # Until the last answer is there nothing is remembered: whoever is interrupted asks again.
        units, missing = dict(self._units), Counter(self._missing)
        broken: dict[str, list[array[int]]] = {}
        rows, generation = self._store._rows_now("follow_units", self._unit_statement(units), None)
        found = {(path, session_id): row for path, session_id, *row in rows}
        for place, unit in self._units.items():
            if not _is_grown(unit, found.get(place)):
                broken.setdefault(place[0], []).append(unit.hashes)
                missing.update(unit.hashes)
                del units[place]
        arriving = self._event_statement(units, missing)
        rows, generation = self._store._rows_now("follow_events", _hashes_of(arriving), generation)
        for path, session_id, hashes, moved in rows:
            before = units.get((path, session_id))
            piece_id, event_count, _, last_line = found[path, session_id]
            kept = array("Q") if before is None else array("Q", before.hashes)
            kept.extend(hashes)
            units[path, session_id] = _Unit(piece_id, event_count, last_line, kept)
            missing.subtract(moved)
        missing = +missing
        is_first = not self._units and not self._missing
        listing = self._wanted.statement if is_first else _new_events(self._wanted, arriving)
        events = self._store._stream_now(listing, self._wanted.views, generation)
        self._units, self._missing, self._gone = units, missing, broken
        return Arrivals(events, _still_missing(gone, missing))

    def _unit_statement(self, units: dict[_Place, _Unit]) -> Statement:
        return statements.explaining_statement("follow_units", _marks(units))

    def _event_statement(self, units: dict[_Place, _Unit], missing: Counter[int]) -> Statement:
        lists = {"missing": list(missing), "missing_counts": list(missing.values())}
        return statements.explaining_statement("follow_events", {**_marks(units), **lists})


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
        return EventFollower(self, statements.events_statement(filters))

    def _rows_now(
        self, name: str, statement: Statement, generation: Generation | None
    ) -> tuple[list[tuple[Any, ...]], Generation]:
        """Return the rows of a statement that is asked once, and is not worth being remembered."""

        def read(question: Question) -> tuple[list[tuple[Any, ...]], Generation]:
            with question.cursor as cursor:
                return question.engine.fetch(cursor, name, *statement)[1], question.generation

        return self._ask(lambda: self._begin_now(statement, _VIEWS, generation), read)

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


def _marks(units: dict[_Place, _Unit]) -> dict[str, Sequence[Any]]:
    return {
        "paths": [path for path, _ in units],
        "session_ids": [session_id for _, session_id in units],
        "last_lines": [unit.last_line for unit in units.values()],
    }


def _is_grown(unit: _Unit, found: Sequence[int] | None) -> bool:
    """Return whether all that was seen of a unit is still where it was."""
    if found is None:
        return False
    piece_id, _, seen_count, _ = found
    return piece_id == unit.piece_id and seen_count == unit.event_count


def _hashes_of(arriving: Statement) -> Statement:
    text, parameters = arriving
    return (
        "SELECT segment_path, session_id, list(record_hash), "
        "coalesce(list(record_hash) FILTER (WHERE is_moved), []) "
        f"FROM ({text}) AS arriving GROUP BY segment_path, session_id"
    ), parameters


def _new_events(wanted: FilteredStatement, arriving: Statement) -> Statement:
    text, parameters = arriving
    new_rows = f"SELECT file_id, line_number FROM ({text}) AS arriving WHERE NOT is_moved"
    found = statements.with_condition(wanted, f"(file_id, line_number) IN ({new_rows})", parameters)
    return found.statement


def _still_missing(gone: dict[str, list[array[int]]], missing: Counter[int]) -> list[MissingEvents]:
    counts = {
        path: sum((Counter(hashes) & missing).total() for hashes in of_path) for path, of_path in gone.items()
    }
    return [MissingEvents(path, count) for path, count in counts.items() if count]
