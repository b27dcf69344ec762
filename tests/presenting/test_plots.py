"""Plots of characters: what is drawn where, and that nothing high is lost."""

from __future__ import annotations

import random

import pytest

from stormlog.presenting.plots import columns_of, level_plot, sparkline
from stormlog.presenting.texts import cell_width
from stormlog.presenting.timeline_plot import timeline_plot
from tests.presenting.issue_samples import timeline
from tests.presenting.samples import FAILED, GIB, S


@pytest.mark.parametrize(
    ("counts", "expected"),
    [
        ([], ""),
        ([0, 0], "··"),
        ([0, 1, 8], "·▁█"),
        ([1, 1_000_000], "▁█"),
        ([3], "█"),
    ],
)
def test_only_nothing_is_drawn_as_nothing(counts: list[int], expected: str) -> None:
    assert sparkline(counts) == expected
    assert sparkline(counts, ascii_only=True).isascii()
    assert [mark == "." for mark in sparkline(counts, ascii_only=True)] == [count == 0 for count in counts]


def test_no_peak_is_lost_whatever_the_width() -> None:
    chance = random.Random(7)
    points = [(time, chance.randrange(50), 1) for time in range(1000)]
    points[chance.randrange(1000)] = (points[500][0], 99, 1)
    points.sort()
    for width in (1, 7, 60, 1000, 3000):
        columns = columns_of(points, start_ns=0, end_ns=999, width=width)
        assert len(columns) == width
        assert max(value for value in columns if value is not None) == 99


def test_a_level_goes_on_between_samples_but_not_over_a_long_silence() -> None:
    points = [(time, 5, 3) for time in (*range(0, 40, 2), *range(80, 100, 2))]
    columns = columns_of(points, start_ns=0, end_ns=99, width=100)
    assert columns[0:4] == [5, 3, 5, 3]
    assert columns[40:80] == [None] * 40
    assert columns_of([], start_ns=0, end_ns=9, width=3) == [None] * 3


def test_bars_are_as_high_as_their_values() -> None:
    assert level_plot([0, 1, 8, 16, 20, None], top=16, height=2) == ["   ██ ", " ▁███ "]
    assert all(line.isascii() for line in level_plot([1, 9, 16], top=16, height=3, ascii_only=True))


@pytest.mark.parametrize("width", [60, 80, 120])
@pytest.mark.parametrize("ascii_only", [False, True])
def test_a_timeline_fits_its_width(width: int, ascii_only: bool) -> None:
    lines = timeline_plot(timeline(), width=width, ascii_only=ascii_only)
    assert all(cell_width(line) <= width for line in lines)
    assert not ascii_only or all(line.isascii() for line in lines)
    text = "\n".join(lines)
    assert "80.0 GiB" in text and "X failure" in text and "|forward" in text


def test_a_timeline_of_one_moment_is_drawn() -> None:
    one = timeline(start_ns=FAILED, end_ns=FAILED, phases=(), marks=())
    assert timeline_plot(one, width=80)
    assert timeline_plot(timeline(series=()), width=80) == []


def test_little_memory_of_a_large_device_is_drawn_in_its_own_scale() -> None:
    lines = timeline_plot(timeline(total_bytes=1000 * GIB), width=80)
    assert lines[0].startswith(" 79.0 GiB")
    assert timeline_plot(timeline(), width=80)[0].startswith(" 80.0 GiB")


def test_phases_too_short_for_a_name_are_dots() -> None:
    band = timeline().phases[0]
    short = tuple(
        type(band)("train / step", band.start_ns + n * S, band.start_ns + (n + 1) * S) for n in range(600)
    )
    line = next(line for line in timeline_plot(timeline(phases=short), width=80) if "phases" in line)
    assert set(line.split()[1]) <= {".", "|"}
