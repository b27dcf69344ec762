"""How the memory of a run went: one line of characters for each rank and device.

Promise: no peak is lost, and all lines have the same scale and the same time below them.
"""

from __future__ import annotations

from stormlog.explaining import MemoryHistory, SeriesHistory
from stormlog.presenting.plots import columns_of, level_spark
from stormlog.presenting.quantities import human_bytes, human_time
from stormlog.presenting.texts import padded

__all__ = ["memory_strips"]

_LABEL_WIDTH = 18
_PEAK_WIDTH = 10
_COUNTERS = ("used", "reserved", "allocated")


def memory_strips(history: MemoryHistory, *, width: int, ascii_only: bool = False) -> list[str]:
    """Return a line for each series of a run, with its greatest value behind it; none without a sample.

    Args:
        history: The memory of the run.
        width: Columns, at least 40.
        ascii_only: Whether to draw with ASCII characters.
    """
    found = [*history.series, *([] if history.all_series is None else [history.all_series])]
    counter = next((name for name in _COUNTERS if any(one.counter == name for one in found)), None)
    drawn = [one for one in found if one.counter == counter and one.points]
    if not drawn:
        return []
    start = min(one.points[0].start_ns for one in drawn)
    end = max(one.points[-1].end_ns for one in drawn) - 1
    most = max(point.max_bytes for one in drawn for point in one.points)
    top = max(most if history.size_bytes is None else max(history.size_bytes, most), 1)
    columns = max(width - _LABEL_WIDTH - _PEAK_WIDTH - 2, 1)
    lines = []
    for one in drawn:
        points = [(point.start_ns, point.max_bytes, point.last_bytes) for point in one.points]
        levels = columns_of(points, start_ns=start, end_ns=end, width=columns)
        strip = level_spark(levels, width=columns, top=top, ascii_only=ascii_only)
        peak = human_bytes(max(point.max_bytes for point in one.points))
        lines.append(f"{padded(_name(one), _LABEL_WIDTH)} {strip} {peak:>{_PEAK_WIDTH}}")
    left, right = human_time(start), human_time(end)
    room = columns - len(left)
    lines.append(f"{'':<{_LABEL_WIDTH}} {left}{right:>{room}}" if room > len(right) else f"{left} - {right}")
    return lines


def _name(series: SeriesHistory) -> str:
    if series.session_id is None:
        return "all ranks"
    device = "" if series.device_id in (None, -1) else f", device {series.device_id}"
    return f"rank {series.rank}{device}"
