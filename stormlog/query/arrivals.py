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
from stormlog.query.statements import FilteredStatement, Statement

if TYPE_CHECKING:
    from stormlog.query.follow_questions import FollowQuestions
    from stormlog.query.rows import EventRow
    from stormlog.query.streams import RowStream

__all__ = ["Arrivals", "EventFollower", "MissingEvents"]

#: Conditions of the statement that lists events. They do not look at the events themselves: where a statement reads
#: them twice, DuckDB may filter one of the two by what the other needs.
_IS_UNSEEN = """NOT EXISTS (
        SELECT 1
        FROM (
            SELECT
                unnest(CAST($seen_paths AS VARCHAR[])) AS path,
                unnest(CAST($seen_sessions AS VARCHAR[])) AS session,
                unnest(CAST($seen_lines AS BIGINT[])) AS last_line
        ) AS m
        WHERE m.path = segment_path AND m.session = session_id AND m.last_line >= line_number
    )"""
_IS_NOT_MOVED = """(file_id, line_number) NOT IN (
        SELECT unnest(CAST($moved_files AS INTEGER[])), unnest(CAST($moved_lines AS BIGINT[]))
    )"""


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
        # Hashes of events that were told and are nowhere now, and those of them that the last look missed, by file.
        self._missing: Counter[int] = Counter()
        self._gone: dict[str, Counter[int]] = {}

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
        # Until the last answer is there nothing is remembered: whoever is interrupted asks again.
        units, missing = dict(self._units), Counter(self._missing)
        broken: dict[str, Counter[int]] = {}
        rows, generation = self._store._rows_now("follow_units", self._unit_statement(units), None)
        found = {(path, session_id): row for path, session_id, *row in rows}
        for place, unit in self._units.items():
            if not _is_grown(unit, found.get(place)):
                broken.setdefault(place[0], Counter()).update(unit.hashes)
                missing.update(unit.hashes)
                del units[place]
        lists = {"missing": list(missing), "missing_counts": list(missing.values())}
        unseen = statements.explaining_statement("follow_events", {**_marks(units), **lists})
        rows, generation = self._store._rows_now("follow_events", unseen, generation)
        listing = _unseen_events(self._wanted, units, rows)
        for path, session_id, _, hashes, moved_hashes, _ in rows:
            before = units.get((path, session_id))
            piece_id, event_count, _, last_line = found[path, session_id]
            kept = array("Q") if before is None else array("Q", before.hashes)
            kept.extend(hashes)
            units[path, session_id] = _Unit(piece_id, event_count, last_line, kept)
            missing.subtract(moved_hashes)
        missing = +missing
        events = self._store._stream_now(listing, self._wanted.views, generation)
        gone = _still_missing(self._gone, missing)
        self._units, self._missing, self._gone = units, missing, _still_missing(broken, missing)
        return Arrivals(events, [MissingEvents(path, hashes.total()) for path, hashes in gone.items()])

    def _unit_statement(self, units: dict[_Place, _Unit]) -> Statement:
        return statements.explaining_statement("follow_units", _marks(units))


def _marks(units: dict[_Place, _Unit]) -> dict[str, Sequence[Any]]:
    return {
        "seen_paths": [path for path, _ in units],
        "seen_sessions": [session_id for _, session_id in units],
        "seen_lines": [unit.last_line for unit in units.values()],
    }


def _is_grown(unit: _Unit, found: Sequence[int] | None) -> bool:
    """Return whether all that was seen of a unit is still where it was."""
    if found is None:
        return False
    piece_id, _, seen_count, _ = found
    return piece_id == unit.piece_id and seen_count == unit.event_count


def _unseen_events(
    wanted: FilteredStatement, units: dict[_Place, _Unit], rows: Sequence[Sequence[Any]]
) -> Statement:
    """Return the statement that lists the events behind what was seen, without those that moved.

    Args:
        wanted: The statement that lists events.
        units: What was seen.
        rows: What ``follow_events`` returned.
    """
    if units:
        wanted = statements.with_condition(wanted, _IS_UNSEEN, _marks(units))
    moved = [(file_id, line) for _, _, file_id, _, _, lines in rows for line in lines]
    if moved:
        places = {
            "moved_files": [file_id for file_id, _ in moved],
            "moved_lines": [line for _, line in moved],
        }
        wanted = statements.with_condition(wanted, _IS_NOT_MOVED, places)
    return wanted.statement


def _still_missing(gone: dict[str, Counter[int]], missing: Counter[int]) -> dict[str, Counter[int]]:
    """Return what is gone of each file and is in no other place; files of which all was found are left out."""
    left = {path: hashes & missing for path, hashes in gone.items()}
    return {path: hashes for path, hashes in left.items() if hashes}
