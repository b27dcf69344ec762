"""Memory around moments: those of the representative evidence of issues, or of a failure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from stormlog.explaining.asking import Ask
from stormlog.explaining.timeline_models import (
    MemoryTimeline,
    PhaseBand,
    TimelineMark,
    TimelinePoint,
    TimelineSeries,
)

__all__ = ["rows_by_issue", "timeline_around", "timelines_of_issues"]

_MINUTE_NS = 60 * 10**9
#: The window round the evidence.
_BEFORE_NS = 30 * _MINUTE_NS
_AFTER_NS = 5 * _MINUTE_NS
#: Parts of the time: more than the columns of a terminal that a plot takes.
_BUCKET_COUNT = 120


def timelines_of_issues(ask: Ask, wanted: Mapping[str, Any]) -> dict[int, MemoryTimeline]:
    """Return the memory of the devices that representative evidence is about, by the number of the issue.

    Issues without samples around their evidence have none.

    Args:
        ask: The store.
        wanted: ``fingerprint_ids`` and ``issues``: fingerprints, and the number of the issue that each belongs to.
    """
    return _timelines(ask, {issue: _Place(*place) for issue, *place in ask("issue_series", wanted)})


def timeline_around(
    ask: Ask, session_id: str, rank: int, device_id: int, time_ns: int
) -> MemoryTimeline | None:
    """Return the memory of a device around a moment; None without samples there.

    Args:
        ask: The store.
        session_id: Session of the samples.
        rank: Their rank.
        device_id: Their device; -1 for no device.
        time_ns: The moment, nanoseconds since the Unix epoch.
    """
    return _timelines(ask, {0: _Place(session_id, rank, device_id, time_ns)}).get(0)


def rows_by_issue(rows: Iterable[Sequence[Any]]) -> dict[int, list[Sequence[Any]]]:
    """Return number of the issue -> the rest of its rows."""
    found: dict[int, list[Sequence[Any]]] = {}
    for issue, *rest in rows:
        found.setdefault(issue, []).append(rest)
    return found


class _Place(NamedTuple):
    session_id: str
    rank: int
    device_id: int
    time_ns: int


def _timelines(ask: Ask, places: Mapping[int, _Place]) -> dict[int, MemoryTimeline]:
    if not places:
        return {}
    window = {"before_ns": _BEFORE_NS, "after_ns": _AFTER_NS, "bucket_count": _BUCKET_COUNT}
    rows_of = rows_by_issue(
        ask(
            "timeline_points",
            {
                **_ranks(places, places),
                "device_ids": [place.device_id for place in places.values()],
                "times_ns": [place.time_ns for place in places.values()],
                **window,
            },
        )
    )
    if not rows_of:
        return {}
    time = {
        **_ranks(places, rows_of),
        "starts_ns": [rows[0][-3] for rows in rows_of.values()],
        "ends_ns": [rows[0][-2] for rows in rows_of.values()],
        "bucket_count": _BUCKET_COUNT,
    }
    phases, marks = (rows_by_issue(ask(name, time)) for name in ("timeline_phases", "timeline_marks"))
    return {
        issue: _timeline(places[issue], rows, phases.get(issue, ()), marks.get(issue, ()))
        for issue, rows in rows_of.items()
    }


def _ranks(places: Mapping[int, _Place], issues: Iterable[int]) -> dict[str, list[Any]]:
    """Return parallel lists: numbers of issues, and the session and rank of each."""
    numbers = list(issues)
    return {
        "issues": numbers,
        "session_ids": [places[number].session_id for number in numbers],
        "ranks": [places[number].rank for number in numbers],
    }


def _timeline(
    place: _Place,
    rows: Sequence[Sequence[Any]],
    phases: Iterable[Sequence[Any]],
    marks: Iterable[Sequence[Any]],
) -> MemoryTimeline:
    start_ns, end_ns, total_bytes = rows[0][-3:]
    points: dict[str, list[TimelinePoint]] = {}
    for counter, *values, _, _, _ in rows:
        points.setdefault(counter, []).append(TimelinePoint(*values))
    return MemoryTimeline(
        session_id=place.session_id,
        rank=place.rank,
        device_id=place.device_id,
        timestamp_ns=place.time_ns,
        start_ns=start_ns,
        end_ns=end_ns,
        total_bytes=total_bytes,
        bucket_count=_BUCKET_COUNT,
        series=tuple(TimelineSeries(counter, tuple(found)) for counter, found in points.items()),
        phases=tuple(PhaseBand(*row) for row in phases),
        marks=tuple(TimelineMark(*row) for row in marks),
    )
