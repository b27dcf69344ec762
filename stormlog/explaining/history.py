"""How the memory of an attempt went over time, small enough to be drawn whatever its length and number of ranks.

The promise: every greatest and least value of the samples is in it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from stormlog._values import frozen_class
from stormlog.explaining.asking import Ask

__all__ = [
    "HistoryMark",
    "HistoryPhase",
    "MemoryHistory",
    "MemoryPart",
    "SeriesHistory",
    "memory_history",
]

#: More series than this are drawn as a band.
_MOST_LINES = 8
#: Most stretches of phases.
_MOST_PHASES = 60
#: Parts of the time of which at most one mark of each kind is kept.
_MARK_PARTS = 90
_NS_PER_S = 1_000_000_000
_LAST_NS = 2**63 - 1


class MemoryPart(NamedTuple):
    """What was measured in a part of the time: nanoseconds since the Unix epoch, and bytes."""

    start_ns: int
    end_ns: int
    first: int
    last: int
    low: int
    high: int


class SeriesHistory(NamedTuple):
    """Memory of one session, rank and device.

    Attributes:
        counter: ``used``, ``reserved`` or ``allocated``.
        parts: In the order of time; parts without a sample are left out.
    """

    session_id: str
    rank: int
    device_id: int
    counter: str
    parts: tuple[MemoryPart, ...]


class HistoryPhase(NamedTuple):
    """A stretch of time in one phase; nanoseconds since the Unix epoch."""

    phase_path: str
    start_ns: int
    end_ns: int


class HistoryMark(NamedTuple):
    """Something that happened.

    Attributes:
        kind: ``failure``, ``alert``, ``degradation``, ``hidden`` or ``hit`` (of the issue that was asked for).
        timestamp_ns: Nanoseconds since the Unix epoch.
    """

    kind: str
    timestamp_ns: int


@frozen_class
class MemoryHistory:
    """The memory of an attempt over time.

    Args:
        series: Its series, or those of the shown session if there are more than 8.
        all_series: Where there are more than 8: for each part the least and the greatest bytes of all of them;
            ``first`` and ``last`` are the median of their last values.
        series_count: Number of series.
        size_bytes: Size of the devices; None if unknown, or if they differ.
        phases: Phases of the shown session and rank.
        marks: Failures, alerts, degradations of collectors, findings of hidden memory, and hits of the issue.
    """

    series: tuple[SeriesHistory, ...] = ()
    all_series: SeriesHistory | None = None
    series_count: int = 0
    size_bytes: int | None = None
    phases: tuple[HistoryPhase, ...] = ()
    marks: tuple[HistoryMark, ...] = ()


def memory_history(
    ask: Ask,
    *,
    run_id: str,
    attempt: int,
    session_id: str | None = None,
    shown_session_id: str | None = None,
    shown_rank: int | None = None,
    fingerprint_id: str | None = None,
    parts: int = 360,
) -> MemoryHistory:
    """Return the memory of an attempt over time.

    Args:
        ask: The store.
        run_id: The run.
        attempt: Its attempt.
        session_id: Only this session of it.
        shown_session_id: The session whose series and phases are shown in any case.
        shown_rank: Its rank.
        fingerprint_id: An issue whose hits are marked.
        parts: Number of equal parts of the time.

    Raises:
        ValueError: ``parts`` is less than 1.
    """
    if parts < 1:
        raise ValueError(f"parts must be 1 or more, not {parts}")
    of_attempt: dict[str, Any] = {"run_id": run_id, "attempt": attempt, "session_id": session_id}
    rows = ask(
        "history_memory",
        {
            **of_attempt,
            "buckets": parts,
            "most_lines": _MOST_LINES,
            "shown_session_id": shown_session_id,
        },
    )
    found: dict[tuple[str | None, int, int, str], list[MemoryPart]] = {}
    for row in rows:
        session, rank, device_id, counter, start_ns, end_ns, first, last, low, high, _, _ = row
        part = MemoryPart(start_ns, end_ns, last if first is None else first, last, low, high)
        found.setdefault((session, rank, device_id, counter), []).append(part)
    all_series = [SeriesHistory(*key, tuple(p)) for key, p in found.items() if key[0] is None]  # type: ignore[arg-type]
    series = [SeriesHistory(*key, tuple(p)) for key, p in found.items() if key[0] is not None]  # type: ignore[arg-type]
    start_ns, end_ns = _time_of_marks(found)
    phases: tuple[HistoryPhase, ...] = ()
    if rows and shown_session_id is not None and shown_rank is not None:
        phases = _phases(ask, shown_session_id, shown_rank, found, parts)
    marks = ask(
        "history_marks",
        {
            **of_attempt,
            "start_ns": start_ns,
            "end_ns": end_ns,
            "buckets": _MARK_PARTS,
            "fingerprint_id": fingerprint_id,
        },
    )
    return MemoryHistory(
        series=tuple(series),
        all_series=all_series[0] if all_series else None,
        series_count=rows[0][11] if rows else 0,
        size_bytes=rows[0][10] if rows else None,
        phases=phases,
        marks=tuple(HistoryMark(*row) for row in marks),
    )


def _bounds(found: Mapping[Any, list[MemoryPart]]) -> tuple[int, int]:
    starts = [parts[0].start_ns for parts in found.values()]
    return min(starts), max(parts[-1].end_ns for parts in found.values())


def _time_of_marks(found: Mapping[Any, list[MemoryPart]]) -> tuple[int, int]:
    """Return the time in which marks count: that of the samples and a little more, as the last event often is a
    failure. A mark far away would leave no room for all the rest.
    """
    if not found:
        return 0, _LAST_NS
    start_ns, end_ns = _bounds(found)
    margin = max((end_ns - start_ns) // 10, 10 * _NS_PER_S)
    return start_ns - margin, min(end_ns + margin, _LAST_NS)


def _phases(
    ask: Ask, session_id: str, rank: int, found: Mapping[Any, list[MemoryPart]], parts: int
) -> tuple[HistoryPhase, ...]:
    """Return the phases of a rank, as deep as they can be told apart."""
    start_ns, end_ns = _bounds(found)
    rows = ask(
        "history_phases",
        {
            "session_id": session_id,
            "rank": rank,
            "start_ns": start_ns,
            "end_ns": end_ns,
            "buckets": parts,
            "most": _MOST_PHASES,
        },
    )
    deepest = max((row[0] for row in rows), default=0)
    return tuple(HistoryPhase(*row[1:]) for row in rows if row[0] == deepest)
