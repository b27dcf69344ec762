"""Timelines with fewer points: neighbours are drawn together, and no peak is lost."""

from __future__ import annotations

import pytest

from stormlog.explaining import MemoryTimeline, TimelinePoint, TimelineSeries, coarser_timeline


def point(start_ns: int, *levels: int) -> TimelinePoint:
    return TimelinePoint(start_ns, start_ns + 9, levels[0], levels[-1], min(levels), max(levels), len(levels))


def timeline(*points: TimelinePoint) -> MemoryTimeline:
    series = (TimelineSeries("used", points), TimelineSeries("allocated", ()))
    return MemoryTimeline("s", 0, 0, 50, 0, 99, 1000, 10, series)


WHOLE = timeline(point(0, 5, 1, 7), point(10, 9), point(40, 2, 3), point(60, 4), point(90, 8, 6))


@pytest.mark.parametrize(
    ("part_count", "expected"),
    [
        (1, [TimelinePoint(0, 99, 5, 6, 1, 9, 9)]),
        (2, [TimelinePoint(0, 49, 5, 3, 1, 9, 6), TimelinePoint(60, 99, 4, 6, 4, 8, 3)]),
        (10, list(WHOLE.series[0].points)),
        (500, list(WHOLE.series[0].points)),
    ],
)
def test_neighbours_are_drawn_together(part_count: int, expected: list[TimelinePoint]) -> None:
    found = coarser_timeline(WHOLE, part_count)
    assert list(found.series[0].points) == expected
    assert found.series[1].points == ()
    assert found.bucket_count == min(part_count, 10)
