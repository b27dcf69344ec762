"""The memory of a run as lines of characters."""

from __future__ import annotations

import pytest

from stormlog.explaining import MemoryHistory, SeriesHistory
from stormlog.explaining.timeline_models import TimelinePoint
from stormlog.presenting import memory_strips

S = 10**9


def series(rank: int | None, *levels: int, counter: str = "used") -> SeriesHistory:
    points = tuple(
        TimelinePoint(number * S, (number + 1) * S, level, level, level, level, 1)
        for number, level in enumerate(levels)
    )
    return SeriesHistory(None if rank is None else "s", rank, 0, counter, points)


def test_each_rank_has_a_line_on_one_scale_with_its_peak() -> None:
    history = MemoryHistory(
        series=(series(0, 1 << 30, 2 << 30), series(1, 8 << 30, 4 << 30)), size_bytes=8 << 30
    )
    lines = memory_strips(history, width=60)
    assert len(lines) == 3
    assert lines[0].startswith("rank 0, device 0") and lines[0].endswith("2.00 GiB")
    assert lines[1].endswith("8.00 GiB")
    assert "█" in lines[1] and "█" not in lines[0]
    assert "1970-01-01 00:00:00" in lines[2]
    assert all(len(line) <= 60 for line in lines)
    assert all(line.isascii() for line in memory_strips(history, width=60, ascii_only=True))


def test_of_many_ranks_one_line_stands_for_all() -> None:
    history = MemoryHistory(series=(series(3, 5),), all_series=series(None, 9), series_count=20)
    lines = memory_strips(history, width=40)
    assert [line.split("  ")[0] for line in lines[:2]] == ["rank 3, device 0", "all ranks"]


@pytest.mark.parametrize("history", [MemoryHistory(), MemoryHistory(series=(series(0),))])
def test_without_samples_there_is_no_line(history: MemoryHistory) -> None:
    assert memory_strips(history, width=60) == []


def test_the_first_counter_that_there_is_is_drawn() -> None:
    history = MemoryHistory(series=(series(0, 1, counter="allocated"), series(0, 7, counter="reserved")))
    [line, _] = memory_strips(history, width=60)
    assert line.endswith("7 B")
