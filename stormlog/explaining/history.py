"""How the memory of an attempt went over time, small enough to be drawn whatever its length and number of ranks.

The promise: every greatest and least value of the samples is in it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from stormlog._values import frozen_class
from stormlog.explaining.asking import Ask
from stormlog.explaining.timeline_models import PhaseBand, TimelineMark, TimelinePoint

__all__ = ["MemoryHistory", "SeriesHistory", "memory_history"]

#: More series than this are drawn as a band.
_MOST_LINES = 8
#: Parts of the time of which one phase is told, and of which one mark of each kind is kept.
_PHASE_PARTS = 120
_MARK_PARTS = 90
_NS_PER_S = 1_000_000_000
_LAST_NS = 2**63 - 1


@frozen_class
class SeriesHistory:
    """Memory of one session, rank and device, or of all.

    Args:
        session_id: None for all.
        rank: Likewise.
        device_id: Likewise; -1 for no device.
        counter: ``used``, ``reserved`` or ``allocated``.
        points: In the order of time; parts of the time without a sample have none.
    """

    session_id: str | None
    rank: int | None
    device_id: int | None
    counter: str
    points: tuple[TimelinePoint, ...]


@frozen_class
class MemoryHistory:
    """The memory of an attempt over time.

    Args:
        series: Its series; if there are more than 8, only those of the session that is shown.
        all_series: Where there are more than 8: of each part the least and the greatest bytes of all of them.
            First and last bytes are the median of their last values.
        series_count: Number of series.
        size_bytes: Size of the devices; None if it is not known, or not the same for all.
        phases: Phases of the rank that is shown.
        marks: Failures, and hits of issues by the kind of the issue.
    """

    series: tuple[SeriesHistory, ...] = ()
    all_series: SeriesHistory | None = None
    series_count: int = 0
    size_bytes: int | None = None
    phases: tuple[PhaseBand, ...] = ()
    marks: tuple[TimelineMark, ...] = ()


def memory_history(
    ask: Ask, of_attempt: Mapping[str, Any], *, shown: tuple[str, int] | None = None, parts: int = 360
) -> MemoryHistory:
    """Return the memory of an attempt over time.

    Args:
        ask: The store.
        of_attempt: ``run_id``, ``attempt``, and a ``session_id`` or None for all.
        shown: Session and rank that are shown in any case, and whose phases are returned.
        parts: Number of equal parts of the time.

    Raises:
        ValueError: ``parts`` is less than 1.
    """
    if parts < 1:
        raise ValueError(f"parts must be 1 or more, not {parts}")
    session_id, rank = shown or (None, None)
    wanted = {"buckets": parts, "most_lines": _MOST_LINES, "shown_session_id": session_id}
    rows = ask("history_memory", {**of_attempt, **wanted})
    found = _series(rows)
    # A mark far away would leave no room for the rest; the last event is often a failure.
    start_ns, end_ns, margin = 0, _LAST_NS, 0
    if found:
        start_ns = min(series.points[0].start_ns for series in found)
        end_ns = max(series.points[-1].end_ns for series in found)
        margin = max((end_ns - start_ns) // 10, 10 * _NS_PER_S)
    phases = []
    if found and shown is not None:
        of_rank = {"issues": [0], "session_ids": [session_id], "ranks": [rank]}
        time = {"starts_ns": [start_ns], "ends_ns": [end_ns], "bucket_count": _PHASE_PARTS}
        phases = ask("timeline_phases", {**of_rank, **time})
    window = {"start_ns": start_ns - margin, "end_ns": min(end_ns + margin, _LAST_NS), "buckets": _MARK_PARTS}
    marks = ask("history_marks", {**of_attempt, **window})
    return MemoryHistory(
        series=tuple(series for series in found if series.session_id is not None),
        all_series=next((series for series in found if series.session_id is None), None),
        series_count=rows[0][11] if rows else 0,
        size_bytes=rows[0][10] if rows else None,
        phases=tuple(PhaseBand(*row) for _, *row in phases),
        marks=tuple(TimelineMark(*row) for row in marks),
    )


def _series(rows: Iterable[Sequence[Any]]) -> list[SeriesHistory]:
    found: dict[tuple[Any, ...], list[TimelinePoint]] = {}
    for session_id, rank, device_id, counter, start_ns, end_ns, first, last, low, high, _, _, count in rows:
        point = TimelinePoint(start_ns, end_ns, first, last, low, high, count)
        found.setdefault((session_id, rank, device_id, counter), []).append(point)
    return [
        SeriesHistory(session_id, rank, device_id, counter, tuple(points))
        for (session_id, rank, device_id, counter), points in found.items()
    ]
