"""What happened around the last hit of an issue, on all ranks of its job, the nearest events first to be kept."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from stormlog._readable_times import ReadableTime
from stormlog._values import frozen_class

if TYPE_CHECKING:
    from stormlog.query import QueryStore

__all__ = ["NearEvent", "NearEvents", "events_around"]

_NEAREST: Final = """
SELECT *
FROM (
    SELECT
        e.seconds, e.timestamp_ns, e.session_id, e.rank, e.host, e.device_id, e.event_type, e.phase, e.allocated_bytes,
        e.reserved_bytes, e.used_bytes, e.is_evidence, e.segment_path, e.line_number, count(*) OVER () AS event_count
    FROM evidence_context($fingerprint_id, $window_ns) AS e
    WHERE $rank IS NULL OR e.rank = $rank
    ORDER BY abs(e.seconds), e.rank, e.session_id, e.segment_path, e.line_number
    LIMIT CAST($limit AS BIGINT)
)
ORDER BY timestamp_ns, rank, session_id, segment_path, line_number
"""


@frozen_class
class NearEvent:
    """An event near a hit.

    Args:
        seconds: Its time less that of the hit.
        timestamp_ns: When it happened, in nanoseconds since the Unix epoch.
        device_id: -1 for no device.
        phase: Phase that was running in its session and rank; null where none was.
        allocated_bytes: Handed out by the allocator.
        reserved_bytes: Held by the allocator.
        used_bytes: In use on the device.
        is_evidence: Whether it is the hit itself.
        segment_path: File that holds it.
        line_number: Its line, from 1.
    """

    seconds: float
    timestamp_ns: int
    session_id: str
    rank: int
    host: str | None
    device_id: int | None
    event_type: str
    phase: str | None
    allocated_bytes: int | None
    reserved_bytes: int | None
    used_bytes: int | None
    is_evidence: bool
    segment_path: str
    line_number: int
    timestamp = ReadableTime()

    def as_dict(self) -> dict[str, Any]:
        """Return all fields in order."""
        return {name: getattr(self, name) for name in self.__dataclass_fields__}


@frozen_class
class NearEvents:
    """The events around the last hit of an issue.

    Args:
        fingerprint_id: The issue.
        events: The nearest ones, by time.
        event_count: How many there are, also those that are left out.
    """

    fingerprint_id: str
    events: tuple[NearEvent, ...]
    event_count: int


def events_around(
    store: QueryStore, fingerprint_id: str, *, window_ns: int, limit: int, rank: int | None = None
) -> NearEvents:
    """Return the events nearest to the last hit of an issue, of all ranks and sessions of its job.

    Args:
        store: What is asked.
        fingerprint_id: The issue.
        window_ns: Nanoseconds before and after the hit.
        limit: Most events.
        rank: Only events of this rank.

    Raises:
        QueryError: the store is closed, or DuckDB failed.
        SourceError: the store is strict and something had to be skipped.

    Source: docs/concepts.md#around-a-hit.
    """
    values = {"fingerprint_id": fingerprint_id, "window_ns": window_ns, "rank": rank, "limit": limit}
    rows = store.sql(_NEAREST, values).rows
    return NearEvents(fingerprint_id, tuple(NearEvent(*row[:-1]) for row in rows), rows[0][-1] if rows else 0)
