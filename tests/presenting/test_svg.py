"""Pictures hold every peak, stay text whatever the names are, are bounded in size, and are drawn of anything."""

from __future__ import annotations

import random
import re
import xml.etree.ElementTree as ET
from collections.abc import Sequence

import pytest

from stormlog.explaining import PhaseBand, TimelineMark, TimelinePoint
from stormlog.presenting.markup import markup_text
from stormlog.presenting.svg_axes import Scale, byte_ticks, time_ticks
from stormlog.presenting.svg_memory import MemoryLine, MemoryPicture, describe, memory_svg
from stormlog.presenting.svg_paths import band_path, line_path
from stormlog.presenting.svg_sparks import hits_svg, memory_spark_svg

GIB = 1 << 30
SECOND = 10**9
START = 1_795_167_934 * SECOND
HOSTILE = "</title><script>alert(1)</script>\"'&\x00\x1b[31m\u202e\ud800{x}%s"


def points(values: Sequence[int], *, start_ns: int = START, step_ns: int = SECOND) -> list[TimelinePoint]:
    return [
        TimelinePoint(start_ns + i * step_ns, start_ns + (i + 1) * step_ns, v, v, v, v, 1)
        for i, v in enumerate(values)
    ]


def positions(path: str) -> list[tuple[int, int]]:
    """Return the points of a path as a renderer walks them."""
    at_x = at_y = 0
    found = []
    for command, numbers in re.findall(r"([MmlhvzVH])([^MmlhvzVH]*)", path):
        values = [int(number) for number in re.findall(r"-?\d+", numbers)]
        if command == "M":
            at_x, at_y = values
        elif command in "lm":
            at_x, at_y = at_x + values[0], at_y + values[1]
        elif command == "h":
            at_x += values[0]
        elif command == "v":
            at_y += values[0]
        found.append((at_x, at_y))
    return found


def parsed(svg: str) -> ET.Element:
    return ET.fromstring(svg)


def test_one_sample_among_thousands_is_drawn_at_its_height() -> None:
    values = [GIB] * 5000
    values[3333] = 64 * GIB
    x, y = Scale(START, START + 5000 * SECOND, 100, 1400), Scale(0, 64 * GIB, 400, 60)
    drawn = positions(line_path(points(values), x, y))
    assert min(at_y for _, at_y in drawn) == y(64 * GIB) == 60
    assert positions(band_path(points(values), x, y)) and 60 in {
        at_y for _, at_y in positions(band_path(points(values), x, y))
    }


@pytest.mark.parametrize("seed", range(5))
def test_least_and_greatest_of_every_part_are_in_the_line(seed: int) -> None:
    rng = random.Random(seed)
    parts = []
    for number in range(200):
        values = [rng.randrange(80 * GIB) for _ in range(4)]
        start = START + number * SECOND
        parts.append(
            TimelinePoint(start, start + SECOND, values[0], values[1], min(values), max(values), len(values))
        )
    x, y = Scale(START, START + 200 * SECOND, 0, 1300), Scale(0, 80 * GIB, 400, 0)
    drawn = set(positions(line_path(parts, x, y)))
    heights: dict[int, list[int]] = {}
    for at_x, at_y in drawn:
        heights.setdefault(at_x, []).append(at_y)
    for part in parts:
        of_part = heights[x((part.start_ns + part.end_ns) // 2)]
        assert min(of_part) <= y(part.max_bytes)
        assert max(of_part) >= y(part.min_bytes)


def test_path_of_a_band_of_360_parts_is_small() -> None:
    rng = random.Random(1)
    parts = []
    for number in range(360):
        low, high = sorted(rng.randrange(80 * GIB) for _ in range(2))
        start = START + number * SECOND
        parts.append(TimelinePoint(start, start + SECOND, low, high, low, high, 9))
    x, y = Scale(START, START + 360 * SECOND, 128, 1490), Scale(0, 80 * GIB, 400, 60)
    assert len(band_path(parts, x, y)) < 8_000
    assert len(line_path(parts, x, y)) < 10_000
    assert len(line_path(points([GIB] * 360), x, y)) < 20


def test_time_without_samples_is_no_line() -> None:
    early = points([GIB] * 10)
    late = points([GIB] * 10, start_ns=START + 1000 * SECOND)
    path = line_path([*early, *late], Scale(START, START + 1010 * SECOND, 0, 1000), Scale(0, GIB, 100, 0))
    assert path.count("M") == 2


ODD_PICTURES = {
    "nothing": MemoryPicture("t"),
    "a line without points": MemoryPicture("t", [MemoryLine("rank 0", [])]),
    "one sample": MemoryPicture("t", [MemoryLine("rank 0", points([GIB]))], size_bytes=80 * GIB),
    "constant": MemoryPicture("t", [MemoryLine("rank 0", points([0] * 9))], size_bytes=0),
    "huge": MemoryPicture(
        "t", [MemoryLine("rank 0", points([2**63 - 1, 0, 2**63 - 1]))], size_bytes=2**63 - 1
    ),
    "time 0": MemoryPicture("t", [MemoryLine("rank 0", points([1, 2], start_ns=0, step_ns=1))]),
    "last time": MemoryPicture(
        "t", [MemoryLine("rank 0", [TimelinePoint(2**63 - 2, 2**63 - 1, 1, 2, 1, 2, 1)])]
    ),
    "equal times": MemoryPicture("t", [MemoryLine("rank 0", points([1, 5, 3], step_ns=0))]),
    "all times there are": MemoryPicture(
        "t",
        [
            MemoryLine(
                "rank 0", [*points([1], start_ns=0), TimelinePoint(2**63 - 2, 2**63 - 1, 3, 3, 3, 3, 1)]
            )
        ],
    ),
    "before the epoch": MemoryPicture("t", [MemoryLine("rank 0", points([1, 2], start_ns=-(10**18)))]),
    "marks only": MemoryPicture("t", marks=[TimelineMark("failure", START, 1)]),
    "a kind that is not known": MemoryPicture(
        "t", [MemoryLine("rank 0", points([1]))], marks=[TimelineMark("custom:x", START, 1)]
    ),
    "phases only": MemoryPicture("t", phases=[PhaseBand("train", START, START + SECOND)]),
    "a phase without length": MemoryPicture(
        "t", [MemoryLine("r", points([1, 2]))], phases=[PhaseBand("train", START, START)]
    ),
    "many phases": MemoryPicture(
        "t",
        [MemoryLine("r", points([1] * 40))],
        phases=[PhaseBand(f"p{i}", START + i * SECOND, START + (i + 1) * SECOND) for i in range(40)],
    ),
    "a band": MemoryPicture(
        "t", [MemoryLine("rank 3", points([3]), True)], MemoryLine("all", points([1, 2]))
    ),
}


@pytest.mark.parametrize("picture", ODD_PICTURES.values(), ids=ODD_PICTURES)
@pytest.mark.parametrize("is_alone", [False, True])
def test_anything_can_be_drawn(picture: MemoryPicture, is_alone: bool) -> None:
    svg = parsed(memory_svg(picture, is_alone=is_alone))
    assert svg.get("role") == "img"
    width, height = (int(number) for number in svg.get("viewBox", "").split()[2:])
    for element in svg.iter("{http://www.w3.org/2000/svg}path"):
        if element.get("class", "").split()[0] not in ("sl-line", "sl-band", "sl-phase"):
            continue
        for at_x, at_y in positions(element.get("d", "")):
            assert -20 <= at_x <= width and -60 <= at_y <= height


@pytest.mark.parametrize("picture", [ODD_PICTURES["nothing"], ODD_PICTURES["a line without points"]])
def test_picture_without_samples_says_so(picture: MemoryPicture) -> None:
    assert "No samples." in memory_svg(picture)
    assert describe(picture) == "No samples."


def test_names_of_others_stay_text() -> None:
    picture = MemoryPicture(
        HOSTILE,
        [MemoryLine(HOSTILE, points([1, 2]), True), MemoryLine(HOSTILE, points([1, 2]))],
        phases=[PhaseBand(HOSTILE, START, START + 2 * SECOND)],
        note=HOSTILE,
    )
    for is_alone in (False, True):
        svg = memory_svg(picture, is_alone=is_alone)
        assert "<script" not in svg and "\x1b" not in svg and "\u202e" not in svg
        names = {element.tag.rpartition("}")[2] for element in parsed(svg).iter()}
        assert names <= {"svg", "title", "desc", "style", "path", "text"}


def test_picture_refers_to_nothing() -> None:
    svg = memory_svg(ODD_PICTURES["a band"], is_alone=True)
    without_namespace = svg.replace('xmlns="http://www.w3.org/2000/svg"', "")
    assert not re.search(
        r"href|url\(|@import|@font-face|http|<image|<use|<foreignObject|\son\w+=", without_namespace
    )


def test_hits_of_rules_of_ones_own_are_marked_too() -> None:
    assert "other issue" in memory_svg(ODD_PICTURES["a kind that is not known"])


def test_picture_says_what_it_shows_to_those_who_do_not_see_it() -> None:
    picture = MemoryPicture(
        "Memory of run a",
        [MemoryLine("rank 0", points([GIB, 2 * GIB])), MemoryLine("rank 1", points([GIB, 3 * GIB]))],
        size_bytes=4 * GIB,
        marks=[TimelineMark("failure", START, 1), TimelineMark("alert", START, 12)],
    )
    svg = parsed(memory_svg(picture, "run"))
    title, text = svg[0], svg[1]
    assert svg.get("aria-labelledby") == "run-title run-text"
    assert (title.get("id"), title.text) == ("run-title", "Memory of run a")
    assert text.text == (
        "2026-11-20 09:45:34 to 2026-11-20 09:45:36 UTC. Highest: 3.00 GiB, rank 1, at 2026-11-20 09:45:35 UTC. "
        "Size of the device: 4.00 GiB. Marks: 1 failure and 12 alerts."
    )


def test_eight_lines_have_colours_of_their_own_unless_one_stands_out() -> None:
    lines = [MemoryLine(f"rank {rank}", points([rank + 1, rank + 2])) for rank in range(8)]
    svg = memory_svg(MemoryPicture("t", lines))
    assert all(f'class="sl-line sl-{number}"' in svg for number in range(1, 9))
    shown = memory_svg(MemoryPicture("t", [lines[0]._replace(is_shown=True), *lines[1:]]))
    assert "7 others" in shown and 'class="sl-line sl-shown"' in shown


@pytest.mark.parametrize("top", [0, 1, 5, 1023, 1024, 79 * GIB, 80 * GIB, 2**40, 2**63 - 1])
def test_marks_of_sizes_are_few_and_round(top: int) -> None:
    ticks = byte_ticks(top)
    assert ticks[0] == (0, "0")
    assert 1 <= len(ticks) <= 6
    assert all(0 <= tick.value <= top for tick in ticks)
    assert len({tick.text for tick in ticks}) == len(ticks)


@pytest.mark.parametrize("length", [1, 1000, 10**6, 10**9, 90 * SECOND, 86_400 * SECOND, 10**17, 2**62])
def test_marks_of_time_are_few_and_differ(length: int) -> None:
    ticks = time_ticks(START, START + length)
    assert len(ticks) <= 6
    assert all(START <= tick.value <= START + length for tick in ticks)


def test_marks_of_time_are_utc() -> None:
    assert [tick.text for tick in time_ticks(START, START + 30 * SECOND)] == [
        "09:45:35",
        "09:45:40",
        "09:45:45",
        "09:45:50",
        "09:45:55",
        "09:46:00",
    ]


def test_scale_is_exact_for_large_numbers() -> None:
    scale = Scale(0, 2**63 - 1, 0, 1000)
    assert (scale(0), scale(2**62), scale(2**63 - 1), scale(-5)) == (0, 500, 1000, 0)


def test_markup_text_is_one_line_of_text() -> None:
    assert markup_text("<b>\n a & b\x1b \u202e") == "&lt;b&gt; a &amp; b\\x1b \\u202e"
    assert markup_text("\"'") == "&quot;&#x27;"
    assert markup_text("\ud800") == "\\ud800"
    assert markup_text("x" * 10_000_000, 10) == "x" * 9 + "…"
    # What Arabic and Hebrew look like is theirs.
    assert markup_text("שלום") == "שלום"


def test_sparks_are_small() -> None:
    hits = hits_svg([(part, part * 1000) for part in range(1, 24)], 24, HOSTILE)
    memory = memory_spark_svg(points([random.Random(3).randrange(GIB) for _ in range(120)]), HOSTILE)
    assert len(hits) < 1000 and len(memory) < 4000
    for svg in (hits, memory):
        assert "<script" not in svg
        parsed(svg)
