"""Pictures of a report: the memory of the explained run, and of the device around the evidence of an issue."""

from __future__ import annotations

from collections.abc import Sequence

from stormlog.explaining import (
    Explanation,
    IssueAccount,
    MemoryHistory,
    MemoryTimeline,
    SeriesHistory,
    TimelineMark,
)
from stormlog.presenting import human_count, human_time
from stormlog.presenting.svg_memory import MemoryLine, MemoryPicture, memory_svg
from stormlog.presenting.why_sentences import run_name
from stormlog.reporting.models import Report

__all__ = ["explanation_picture", "issue_picture", "report_picture", "run_picture"]

#: Order of the counters of one series: the largest first.
_COUNTERS = ("used", "reserved", "allocated")


def report_picture(report: Report) -> str:
    """Return the picture of the memory of the explained run, as an SVG file of its own.

    Source: docs/report.md#pictures.
    """
    return memory_svg(run_picture(report.explanation, report.history), is_alone=True) + "\n"


def run_picture(explanation: Explanation, history: MemoryHistory) -> MemoryPicture:
    """Return the picture of the memory of a run: a line per rank, or a band over many.

    Args:
        explanation: Why the run failed: the rank of the account stands out.
        history: What `QueryStore.memory_history` returned for this run.
    """
    run, memory = explanation.run, explanation.memory
    shown = None if memory is None else (memory.session_id, memory.rank, memory.device_id)
    name = run_name(run.run_id, run.attempt)
    title = f"Memory of {name}"
    if history.series_count == 1 and history.series:
        [rank] = {series.rank for series in history.series}
        lines = _of_counters(history.series)
        return _picture(f"{title}, rank {rank}", lines, history)
    lines = [
        MemoryLine(
            _series_name(series, history.series),
            series.points,
            shown is not None and shown == (series.session_id, series.rank, series.device_id),
        )
        for series in sorted(history.series, key=lambda series: (series.rank or 0, series.device_id or 0))
    ]
    counters = [series.counter for series in (*history.series, history.all_series) if series is not None]
    what = f", {counters[0]} on each device" if counters else ""
    band = None
    if history.all_series is not None:
        label = f"least to most of {human_count(history.series_count)} devices"
        band = MemoryLine(label, history.all_series.points)
    return _picture(f"{title}{what}", lines, history, band)


def _picture(
    title: str, lines: Sequence[MemoryLine], history: MemoryHistory, band: MemoryLine | None = None
) -> MemoryPicture:
    return MemoryPicture(title, lines, band, history.size_bytes, history.phases, history.marks)


def _series_name(series: SeriesHistory, all_series: Sequence[SeriesHistory]) -> str:
    """Return the rank, with what else is needed to tell its series apart."""
    of_rank = [other for other in all_series if other.rank == series.rank]
    name = f"rank {series.rank}"
    if len({other.device_id for other in of_rank}) > 1 and series.device_id is not None:
        name += f", device {series.device_id}" if series.device_id >= 0 else ", no device"
    if len({other.session_id for other in of_rank}) > 1:
        name += f", session {series.session_id}"
    return name


def _of_counters(all_series: Sequence[SeriesHistory]) -> list[MemoryLine]:
    found = sorted(all_series, key=lambda series: _COUNTERS.index(series.counter))
    return [MemoryLine(series.counter, series.points) for series in found]


def issue_picture(account: IssueAccount) -> MemoryPicture | None:
    """Return the picture of the memory around the representative evidence of an issue; None without samples."""
    timeline = account.timeline
    if timeline is None or not timeline.series:
        return None
    return _around(timeline, "the first evidence", [TimelineMark("evidence", timeline.timestamp_ns, 1)])


def explanation_picture(explanation: Explanation) -> MemoryPicture | None:
    """Return the picture of the memory of the device that an account is about, around its time; None without samples.

    Other than `run_picture`, it needs nothing but the explanation.
    """
    timeline = explanation.timeline
    if timeline is None or not timeline.series:
        return None
    return _around(timeline, f"{human_time(timeline.timestamp_ns)} UTC", [])


def _around(timeline: MemoryTimeline, moment: str, marks: Sequence[TimelineMark]) -> MemoryPicture:
    device = f", device {timeline.device_id}" if timeline.device_id >= 0 else ""
    failures = {mark.timestamp_ns for mark in timeline.marks if mark.kind == "failure"}
    # The failure stands for the hit that it is.
    known = [m for m in timeline.marks if m.kind != "oom" or m.timestamp_ns not in failures]
    order = sorted(timeline.series, key=lambda series: _COUNTERS.index(series.counter))
    return MemoryPicture(
        title=f"Memory of rank {timeline.rank}{device} around {moment}",
        lines=[MemoryLine(series.counter, series.points) for series in order],
        size_bytes=timeline.total_bytes,
        phases=timeline.phases,
        marks=[*known, *marks],
    )
