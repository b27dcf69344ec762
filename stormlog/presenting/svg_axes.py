"""Axes of pictures: where the marks of a scale stand, and what is written beside them."""

from __future__ import annotations

from time import gmtime, strftime
from typing import NamedTuple

from stormlog.presenting.quantities import human_bytes

__all__ = ["Scale", "Tick", "byte_ticks", "time_ticks"]

_NS_PER_S = 1_000_000_000
#: 9999-12-31T23:59:59, the last second that the standard library can show.
_LAST_SECOND = 253_402_300_799

_DECIMAL_STEPS = (1, 2, 5, 10, 20, 50, 100, 200, 500)
_BYTE_UNITS = ("B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB")

_MINUTE, _HOUR, _DAY = 60, 3600, 86400
#: Steps between marks of time: milliseconds up to a second, then what people count in.
_TIME_STEPS_NS = (
    *(step * 1_000_000 for step in _DECIMAL_STEPS),
    *(step * _NS_PER_S for step in (1, 2, 5, 10, 15, 30)),
    *(step * _MINUTE * _NS_PER_S for step in (1, 2, 5, 10, 15, 30)),
    *(step * _HOUR * _NS_PER_S for step in (1, 2, 3, 6, 12)),
    *(step * _DAY * _NS_PER_S for step in (1, 2, 7, 14, 30, 60, 120, 365)),
)


class Scale(NamedTuple):
    """Maps values to whole positions: ``low`` to ``start``, ``high`` to ``end``; what lies outside goes to the ends.

    Attributes:
        low: Least value.
        high: Greatest value, above the least.
        start: Position of the least.
        end: Position of the greatest; may be less than ``start``.
    """

    low: int
    high: int
    start: int
    end: int

    def __call__(self, value: int) -> int:
        """Return the position of a value, in exact arithmetic."""
        inside = min(max(value, self.low), self.high)
        length = self.high - self.low
        return self.start + (2 * (inside - self.low) * (self.end - self.start) + length) // (2 * length)


class Tick(NamedTuple):
    """A mark of an axis."""

    value: int
    text: str


def byte_ticks(top: int, *, at_most: int = 5) -> list[Tick]:
    """Return marks from 0 up to a size in bytes, at round numbers of one unit.

    Args:
        top: Largest size, 0 or more.
        at_most: Most marks besides that of 0.
    """
    for power, unit in enumerate(_BYTE_UNITS):
        for factor in _DECIMAL_STEPS:
            step = factor * 1024**power
            if top // step <= at_most:
                values = range(0, top + 1, step)
                return [Tick(v, f"{v // 1024**power} {unit}" if v else "0") for v in values]
    return [Tick(0, "0"), Tick(top, human_bytes(top))]


def time_ticks(start_ns: int, end_ns: int, *, at_most: int = 6) -> list[Tick]:
    """Return marks of time between two times, both included: UTC, without the date where the step is below a day.

    Args:
        start_ns: Nanoseconds since the Unix epoch.
        end_ns: Likewise.
        at_most: Most marks.
    """
    if not 0 <= start_ns <= end_ns <= _LAST_SECOND * _NS_PER_S:
        return []
    for step in _TIME_STEPS_NS:
        first = -(-start_ns // step) * step
        if (end_ns - first) // step < at_most:
            return [Tick(time, _time_text(time, step)) for time in range(first, end_ns + 1, step)]
    years = range(gmtime(start_ns // _NS_PER_S).tm_year, gmtime(end_ns // _NS_PER_S).tm_year + 1)
    return [] if len(years) < 2 else [Tick(start_ns, str(years[0])), Tick(end_ns, str(years[-1]))]


def _time_text(time_ns: int, step_ns: int) -> str:
    seconds, rest = divmod(time_ns, _NS_PER_S)
    moment = gmtime(seconds)
    if step_ns >= _DAY * _NS_PER_S:
        return strftime("%Y-%m-%d", moment)
    if step_ns >= _MINUTE * _NS_PER_S:
        return strftime("%H:%M", moment)
    text = strftime("%H:%M:%S", moment)
    return text if step_ns >= _NS_PER_S else f"{text}.{rest // 1_000_000:03d}"
