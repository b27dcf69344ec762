"""Memory around the representative evidence of an issue."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from stormlog.explaining.asking import Ask
from stormlog.explaining.issue_models import (
    MemoryTimeline,
    PhaseBand,
    TimelineMark,
    TimelinePoint,
    TimelineSeries,
)

__all__ = ["timeline_of"]

_MINUTE_NS = 60 * 10**9
#: The window round the evidence.
_BEFORE_NS = 30 * _MINUTE_NS
_AFTER_NS = 5 * _MINUTE_NS
#: Parts of the time: more than the columns of a terminal that a plot takes.
_BUCKET_COUNT = 120


def timeline_of(ask: Ask, wanted: Mapping[str, Any]) -> MemoryTimeline | None:
    """Return the memory of the device that the representative evidence is about; None without samples around it.

    Args:
        ask: The store.
        wanted: ``fingerprint_ids``: those of the issue.
    """
    for session_id, rank, device_id, time_ns in ask("issue_series", wanted):
        of_rank = {"session_id": session_id, "rank": rank}
        rows = ask(
            "issue_timeline",
            {
                **of_rank,
                "device_id": device_id,
                "time_ns": time_ns,
                "before_ns": _BEFORE_NS,
                "after_ns": _AFTER_NS,
                "bucket_count": _BUCKET_COUNT,
            },
        )
        if not rows:
            return None
        start_ns, end_ns, total_bytes = rows[0][-3:]
        time = {**of_rank, "start_ns": start_ns, "end_ns": end_ns, "bucket_count": _BUCKET_COUNT}
        points: dict[str, list[TimelinePoint]] = {}
        for counter, *values, _, _, _ in rows:
            points.setdefault(counter, []).append(TimelinePoint(*values))
        return MemoryTimeline(
            **of_rank,
            host=None,
            device_id=device_id,
            timestamp_ns=time_ns,
            start_ns=start_ns,
            end_ns=end_ns,
            total_bytes=total_bytes,
            bucket_count=_BUCKET_COUNT,
            series=tuple(TimelineSeries(counter, tuple(found)) for counter, found in points.items()),
            phases=tuple(PhaseBand(*row) for row in ask("issue_phases", time)),
            marks=tuple(TimelineMark(*row) for row in ask("issue_marks", time)),
        )
    return None
