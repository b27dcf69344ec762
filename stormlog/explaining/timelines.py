"""Memory around a moment: that of the representative evidence of an issue, or of a failure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from stormlog.explaining.asking import Ask
from stormlog.explaining.timeline_models import (
    MemoryTimeline,
    PhaseBand,
    TimelineMark,
    TimelinePoint,
    TimelineSeries,
)

__all__ = ["coarser_timeline", "rows_by_issue", "timeline_around", "timelines_of_issues"]

_MINUTE_NS = 60 * 10**9
#: The window round the evidence.
_BEFORE_NS = 30 * _MINUTE_NS
_AFTER_NS = 5 * _MINUTE_NS
#: Parts of the time: more than the columns of a terminal that a plot takes.
_BUCKET_COUNT = 120


def coarser_timeline(timeline: MemoryTimeline, part_count: int) -> MemoryTimeline:
    """Return a timeline with fewer points, of which each stands for several neighbours; no peak is lost.

    Args:
        timeline: The timeline.
        part_count: Most points of each counter, 1 or more; with more than there are it is returned as it is.
    """
    if part_count >= timeline.bucket_count:
        return timeline
    length_ns = timeline.end_ns - timeline.start_ns + 1
    series = []
    for line in timeline.series:
        groups: dict[int, list[TimelinePoint]] = {}
        for point in line.points:
            part = min(max(point.start_ns - timeline.start_ns, 0) * part_count // length_ns, part_count - 1)
            groups.setdefault(part, []).append(point)
        series.append(replace(line, points=tuple(map(_merged, groups.values()))))
    return replace(timeline, series=tuple(series), bucket_count=part_count)


def _merged(points: Sequence[TimelinePoint]) -> TimelinePoint:
    """Return the point that stands for neighbours, which are in order of time."""
    return TimelinePoint(
        start_ns=points[0].start_ns,
        end_ns=points[-1].end_ns,
        first_bytes=points[0].first_bytes,
        last_bytes=points[-1].last_bytes,
        min_bytes=min(point.min_bytes for point in points),
        max_bytes=max(point.max_bytes for point in points),
        sample_count=sum(point.sample_count for point in points),
    )


def timelines_of_issues(ask: Ask, wanted: Mapping[str, Any]) -> dict[int, MemoryTimeline]:
    """Return the memory of the devices that representative evidence is about, by the number of the issue.

    Issues without samples around their evidence have none.

    Args:
        ask: The store.
        wanted: ``fingerprint_ids`` and ``issues``: fingerprints, and the number of the issue that each belongs to.
    """
    return _timelines(ask, {issue: place for issue, *place in ask("issue_series", wanted)})


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
    return _timelines(ask, {0: (session_id, rank, device_id, time_ns)}).get(0)


def _timelines(ask: Ask, places: Mapping[int, Sequence[Any]]) -> dict[int, MemoryTimeline]:
    """Return the memory of devices around moments, by number; places are session, rank, device and moment."""
    rows_of = rows_by_issue(
        ask(
            "timeline_points",
            {
                "issues": list(places),
                "session_ids": [place[0] for place in places.values()],
                "ranks": [place[1] for place in places.values()],
                "device_ids": [place[2] for place in places.values()],
                "times_ns": [place[3] for place in places.values()],
                "before_ns": _BEFORE_NS,
                "after_ns": _AFTER_NS,
                "bucket_count": _BUCKET_COUNT,
            },
        )
        if places
        else []
    )
    if not rows_of:
        return {}
    time = {
        "issues": list(rows_of),
        "session_ids": [places[issue][0] for issue in rows_of],
        "ranks": [places[issue][1] for issue in rows_of],
        "starts_ns": [rows[0][-3] for rows in rows_of.values()],
        "ends_ns": [rows[0][-2] for rows in rows_of.values()],
        "bucket_count": _BUCKET_COUNT,
    }
    phases, marks = (rows_by_issue(ask(name, time)) for name in ("timeline_phases", "timeline_marks"))
    return {
        issue: _timeline(places[issue], rows, phases.get(issue, ()), marks.get(issue, ()))
        for issue, rows in rows_of.items()
    }


def rows_by_issue(rows: Iterable[Sequence[Any]]) -> dict[int, list[Sequence[Any]]]:
    """Return number of the issue -> the rest of its rows."""
    found: dict[int, list[Sequence[Any]]] = {}
    for issue, *rest in rows:
        found.setdefault(issue, []).append(rest)
    return found


def _timeline(
    place: Sequence[Any],
    rows: Sequence[Sequence[Any]],
    phases: Iterable[Sequence[Any]],
    marks: Iterable[Sequence[Any]],
) -> MemoryTimeline:
    session_id, rank, device_id, time_ns = place
    start_ns, end_ns, total_bytes = rows[0][-3:]
    points: dict[str, list[TimelinePoint]] = {}
    for counter, *values, _, _, _ in rows:
        points.setdefault(counter, []).append(TimelinePoint(*values))
    return MemoryTimeline(
        session_id=session_id,
        rank=rank,
        device_id=device_id,
        timestamp_ns=time_ns,
        start_ns=start_ns,
        end_ns=end_ns,
        total_bytes=total_bytes,
        bucket_count=_BUCKET_COUNT,
        series=tuple(TimelineSeries(counter, tuple(found)) for counter, found in points.items()),
        phases=tuple(PhaseBand(*row) for row in phases),
        marks=tuple(TimelineMark(*row) for row in marks),
    )
