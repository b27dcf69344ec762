"""Compact paths of SVG: lines that keep the least and the greatest value of every part, and bands."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise
from statistics import median_low

from stormlog.explaining import TimelinePoint
from stormlog.presenting.svg_axes import Scale

__all__ = ["band_path", "line_path", "median_path", "middle_ns", "rectangles_path"]


#: A line is broken where nothing was measured for so many times the usual distance of two parts.
_GAP_FACTOR = 10


def middle_ns(part: TimelinePoint) -> int:
    """Return the time at which a part is drawn."""
    return (part.start_ns + part.end_ns) // 2


def line_path(parts: Sequence[TimelinePoint], x: Scale, y: Scale) -> str:
    """Return the path of a line through parts in the order of time: first, greatest, least and last value of each.

    Args:
        parts: What was measured.
        x: Time -> position.
        y: Bytes -> position.
    """
    commands: list[str] = []
    for run in _runs(parts):
        at_x, at_y = x(middle_ns(run[0])), y(run[0].first_bytes)
        commands.append(f"M{at_x} {at_y}")
        # One point alone is a dot, which the round end of a line of no length is.
        drawn = [(at_x, at_y)] if len(run) == 1 else []
        drawn += [(x(middle_ns(part)), y(value)) for part in run for value in _values(part)]
        commands.append(_steps(at_x, at_y, drawn) or "h0")
    return "".join(commands)


def _values(part: TimelinePoint) -> tuple[int, int, int, int]:
    """Return the values in the order in which they are drawn: the extreme nearer to the first value comes first."""
    if abs(part.first_bytes - part.min_bytes) <= abs(part.max_bytes - part.first_bytes):
        return part.first_bytes, part.min_bytes, part.max_bytes, part.last_bytes
    return part.first_bytes, part.max_bytes, part.min_bytes, part.last_bytes


def band_path(parts: Sequence[TimelinePoint], x: Scale, y: Scale) -> str:
    """Return the closed path between the greatest and the least values of parts in the order of time."""
    commands: list[str] = []
    for run in _runs(parts):
        upper = [(x(middle_ns(part)), y(part.max_bytes)) for part in run]
        lower = [(x(middle_ns(part)), y(part.min_bytes)) for part in reversed(run)]
        commands.append(f"M{upper[0][0]} {upper[0][1]}{_steps(*upper[0], [*upper[1:], *lower]) or 'h0'}z")
    return "".join(commands)


def median_path(parts: Sequence[TimelinePoint], x: Scale, y: Scale) -> str:
    """Return the path of a line through the last values alone, which are medians in a band."""
    runs = [[(x(middle_ns(part)), y(part.last_bytes)) for part in run] for run in _runs(parts)]
    return "".join(
        f"M{points[0][0]} {points[0][1]}{_steps(*points[0], points[1:]) or 'h0'}" for points in runs
    )


def rectangles_path(spans: Iterable[tuple[int, int]], top: int, height: int) -> str:
    """Return one path of rectangles.

    Args:
        spans: Left and right end of each.
        top: Upper end of all.
        height: Height of all.
    """
    return "".join(f"M{left} {top}h{right - left}v{height}h{left - right}z" for left, right in spans)


def _runs(parts: Sequence[TimelinePoint]) -> Iterator[Sequence[TimelinePoint]]:
    """Yield the parts between long gaps."""
    if not parts:
        return
    distances = [middle_ns(later) - middle_ns(part) for part, later in pairwise(parts)]
    longest = _GAP_FACTOR * median_low(distances) if distances else 0
    begin = 0
    for number, distance in enumerate(distances, 1):
        if distance > longest:
            yield parts[begin:number]
            begin = number
    yield parts[begin:]


def _steps(at_x: int, at_y: int, points: Iterable[tuple[int, int]]) -> str:
    """Return relative commands through points; steps along one line are drawn as one."""
    steps: list[tuple[int, int]] = []
    for to_x, to_y in points:
        step = to_x - at_x, to_y - at_y
        at_x, at_y = to_x, to_y
        if step == (0, 0):
            continue
        if steps and _is_onward(steps[-1], step):
            steps[-1] = steps[-1][0] + step[0], steps[-1][1] + step[1]
        else:
            steps.append(step)
    return "".join(_command(*step) for step in steps)


def _is_onward(step: tuple[int, int], later: tuple[int, int]) -> bool:
    """Return whether two steps go the same way along an axis."""
    return any(
        step[other] == later[other] == 0 and (step[axis] > 0) == (later[axis] > 0)
        for axis, other in ((0, 1), (1, 0))
    )


def _command(right: int, down: int) -> str:
    if right == 0:
        return f"v{down}"
    if down == 0:
        return f"h{right}"
    return f"l{right}{'' if down < 0 else ' '}{down}"
