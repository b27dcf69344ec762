"""Memory over time as a plot of characters, and as one line."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from stormlog.explaining import MemoryTimeline, TimelineMark
from stormlog.presenting.plots import columns_of, level_plot
from stormlog.presenting.quantities import human_bytes, human_count, human_duration, human_time
from stormlog.presenting.texts import padded, shortened

__all__ = ["timeline_plot", "timeline_strip"]

_HEIGHT = 6
_LABEL_WIDTH = 9
#: The counter that is drawn: the first of these that has points.
_COUNTERS = ("used", "reserved", "allocated")
_COUNTER_NAMES = {"used": "used on the device", "reserved": "held by the allocator", "allocated": "allocated"}
#: Kind of a mark -> its sign, and what a legend calls it.
_MARKS = {
    "failure": ("X", "failure"),
    "oom": ("o", "out of memory"),
    "alert": ("a", "alert"),
    "collector_degradation": ("d", "degraded collector"),
    "hidden_memory_anomaly": ("h", "hidden memory"),
}


def timeline_plot(timeline: MemoryTimeline, *, width: int, ascii_only: bool = False) -> list[str]:
    """Return the lines of a plot with its axes, the phases and the marks below; none without a sample.

    Args:
        timeline: Memory around a moment.
        width: Columns, at least 40.
        ascii_only: Whether to draw with ASCII characters.
    """
    counter = _counter(timeline)
    if counter is None:
        return []
    columns = width - _LABEL_WIDTH - 2
    levels = _levels(timeline, counter, columns)
    most = max((level for level in levels if level is not None), default=0)
    top = max(_top(most, timeline.total_bytes), 1)
    edge = "|" if ascii_only else "┤"
    labels = {0: human_bytes(top), _HEIGHT - 1: "0 B"}
    plot = level_plot(levels, top=top, height=_HEIGHT, ascii_only=ascii_only)
    lines = [
        f"{labels.get(number, ''):>{_LABEL_WIDTH}} {edge}{line}".rstrip() for number, line in enumerate(plot)
    ]
    indent = " " * (_LABEL_WIDTH + 2)
    marks = _mark_line(timeline, columns)
    if marks.strip():
        lines.append(f"{'events':>{_LABEL_WIDTH}}  {marks}".rstrip())
    phases = _phase_line(timeline, columns, "..." if ascii_only else "…")
    if phases.strip():
        lines.append(f"{'phases':>{_LABEL_WIDTH}}  {phases}".rstrip())
    lines.append(f"{indent}{_time_axis(timeline, columns)}".rstrip())
    lines += [f"{indent}{line}" for line in _legend(timeline.marks, counter, most, columns)]
    return lines


def timeline_strip(timeline: MemoryTimeline, *, width: int, ascii_only: bool = False) -> str | None:
    """Return the plot on one line, without axes; None without a sample.

    Args:
        timeline: Memory around a moment.
        width: Columns.
        ascii_only: Whether to draw with ASCII characters.
    """
    counter = _counter(timeline)
    if counter is None:
        return None
    levels = _levels(timeline, counter, width)
    most = max((level for level in levels if level is not None), default=0)
    top = max(_top(most, timeline.total_bytes), 1)
    # On one line of plain blocks an eighth is not seen in ASCII: characters of growing weight are.
    marks = ".:-=+*%#" if ascii_only else "▁▂▃▄▅▆▇█"
    return "".join(" " if level is None else marks[min(level * 8 // top, 7)] for level in levels)


def _counter(timeline: MemoryTimeline) -> str | None:
    known = {found.counter for found in timeline.series}
    return next((name for name in _COUNTERS if name in known), None)


def _levels(timeline: MemoryTimeline, counter: str, columns: int) -> list[int | None]:
    parts = [point for found in timeline.series if found.counter == counter for point in found.points]
    points = [(part.start_ns, part.max_bytes, part.last_bytes) for part in parts]
    # No later part draws the last one on to its end.
    points += [(part.end_ns - 1, part.last_bytes, part.last_bytes) for part in parts[-1:]]
    return columns_of(points, start_ns=timeline.start_ns, end_ns=timeline.end_ns, width=columns)


def _top(most: int, total: int | None) -> int:
    """Return the value at the upper edge: the size of the device, unless little of it is used."""
    return total if total is not None and most * 4 >= total >= most else most


def _column(timeline: MemoryTimeline, time_ns: int, columns: int) -> int:
    length_ns = timeline.end_ns - timeline.start_ns + 1
    return min(max((time_ns - timeline.start_ns) * columns // length_ns, 0), columns - 1)


def _mark_line(timeline: MemoryTimeline, columns: int) -> str:
    signs = [" "] * columns
    # Kinds that are listed first are drawn over the others.
    order = list(_MARKS)
    for mark in sorted(timeline.marks, key=lambda mark: -_place(mark.kind, order)):
        signs[_column(timeline, mark.timestamp_ns, columns)] = _sign(mark.kind)
    return "".join(signs)


def _place(kind: str, order: Sequence[str]) -> int:
    return order.index(kind) if kind in order else len(order)


def _sign(kind: str) -> str:
    return _MARKS.get(kind, ("?", kind))[0]


def _phase_line(timeline: MemoryTimeline, columns: int, ellipsis: str) -> str:
    line = ""
    for band in timeline.phases:
        start = _column(timeline, band.start_ns, columns)
        end = _column(timeline, band.end_ns - 1, columns) + 1
        line = line[:start].ljust(start)
        room = end - start - 1
        if room < 2:
            # Phases that change from column to column cannot be named.
            line += "." * (end - start)
            continue
        name = shortened(band.phase.rpartition(" / ")[2], room, ellipsis if room > len(ellipsis) else "")
        line += padded(f"|{name}", end - start)
    return line


def _time_axis(timeline: MemoryTimeline, columns: int) -> str:
    start, end = human_time(timeline.start_ns), human_time(timeline.end_ns)
    # The date stands in the title of the plot.
    left = start.rpartition(" ")[2] if start[:10] == end[:10] else start
    right = end.rpartition(" ")[2] if start[:10] == end[:10] else end
    length = human_duration(max(timeline.end_ns - timeline.start_ns, 0))
    middle = f"{length}"
    room = columns - len(left) - len(right)
    return f"{left}{middle.center(room) if len(middle) + 2 <= room else ' ' * max(room, 1)}{right}"


def _legend(marks: Sequence[TimelineMark], counter: str, most: int, columns: int) -> Iterator[str]:
    parts = [f"{_COUNTER_NAMES[counter]}, at most {human_bytes(most)}"]
    for kind, (sign, name) in _MARKS.items():
        count = sum(mark.count for mark in marks if mark.kind == kind)
        if count and kind != "failure":
            parts.append(f"{sign} {name} ({human_count(count)})")
        elif count:
            parts.append(f"{sign} {name}")
    line = ""
    for part in parts:
        if line and len(line) + 2 + len(part) > columns:
            yield line
            line = ""
        line = f"{line}; {part}" if line else part
    yield line
