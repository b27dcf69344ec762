"""Pictures of memory over time, as SVG: a line per rank or a band over many, phases behind, marks above.

The promise: every greatest value of the data is drawn; a picture holds no script, no font and no reference.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from stormlog._values import frozen_class
from stormlog.explaining import PhaseBand, TimelineMark, TimelinePoint
from stormlog.presenting.markup import markup_text
from stormlog.presenting.quantities import human_bytes, human_count, human_time
from stormlog.presenting.svg_axes import Scale, byte_ticks, time_ticks
from stormlog.presenting.svg_paths import band_path, line_path, median_path, middle_ns, rectangles_path
from stormlog.presenting.svg_style import PICTURE_STYLE
from stormlog.presenting.texts import listed

__all__ = ["MARK_WORDS", "MemoryLine", "MemoryPicture", "describe", "memory_svg"]

#: Kind of a mark -> what the legend calls it, and the same for several.
MARK_WORDS = {
    "failure": ("failure", "failures"),
    "oom": ("out of memory", "out of memory"),
    "alert": ("alert", "alerts"),
    "collector_degradation": ("collector degraded", "collectors degraded"),
    "hidden_memory_anomaly": ("hidden memory", "hidden memory"),
    "other": ("other issue", "other issues"),
    "evidence": ("evidence", "evidence"),
}

# Everything is in half pixels, so that whole numbers are fine enough.
_WIDTH, _LEFT, _RIGHT = 1520, 128, 1490
_TOP, _BOTTOM = 64, 400
#: Middle of the row of marks next to the lines, and how far above it the next row is: each kind has a row.
_LANE, _LANE_HEIGHT = 42, 28
#: Least distance of two marks of a kind: nearer ones are drawn as one.
_MARK_DISTANCE = 18
_TITLE_HEIGHT = 56
_LEGEND_TOP, _ROW_HEIGHT = 500, 38
_CHARACTER_WIDTH = 12
_NAME_WIDTH = 40
_COLOURS = 8
_PHASE_COLOURS = 6
_NS_PER_S = 1_000_000_000
#: Parts of the size of the device that memory has to reach for the size to be in the picture.
_SIZE_SHOWN = 4

#: Kind of a mark -> its path around a position.
_SHAPES = {
    "failure": "M{x} {y}m-10-10h20v20h-20z",
    "oom": "M{x} {y}m-7-11h14l8 11l-8 11h-14l-8-11z",
    "alert": "M{x} {y}m0-12l12 21h-24z",
    "collector_degradation": "M{x} {y}m0-13l11 13l-11 13l-11-13z",
    "hidden_memory_anomaly": "M{x} {y}m-10 0a10 10 0 1 0 20 0a10 10 0 1 0-20 0z",
    "other": "M{x} {y}m-9 0l9-9l9 9l-9 9z",
    "evidence": "M{x} {y}m-11-9h22l-11 19z",
}


class MemoryLine(NamedTuple):
    """Memory of one rank, or of one counter.

    Attributes:
        label: What the line is.
        points: In the order of time.
        is_shown: Whether the line stands out; then the others are grey.
    """

    label: str
    points: Sequence[TimelinePoint]
    is_shown: bool = False


@frozen_class
class MemoryPicture:
    """What a picture shows.

    Args:
        title: One line.
        lines: In the order of the legend.
        band: Behind the lines: of each part the least and the greatest bytes of many ranks, and the median as last.
        size_bytes: Size of the device, if it is one and the same.
        phases: In the order of time, without overlaps.
        marks: In any order.
        note: A sentence to be added to the description.
    """

    title: str
    lines: Sequence[MemoryLine] = ()
    band: MemoryLine | None = None
    size_bytes: int | None = None
    phases: Sequence[PhaseBand] = ()
    marks: Sequence[TimelineMark] = ()
    note: str | None = None

    @property
    def peak(self) -> tuple[int, int, str] | None:
        """The greatest number of bytes, when, and whose it is; None without a sample."""
        named = [*self.lines, *([] if self.band is None else [self.band])]
        found = [(point.max_bytes, -middle_ns(point), line) for line in named for point in line.points]
        if not found:
            return None
        high, time_ns, line = max(found, key=lambda item: item[:2])
        return high, -time_ns, line.label


def memory_svg(picture: MemoryPicture, name: str = "memory", *, is_alone: bool = False) -> str:
    """Return a picture as an element ``svg``.

    Args:
        picture: What it shows.
        name: Begins the ids of the element; differs between the pictures of a page.
        is_alone: Whether the picture is a file of its own, which holds its style and shows its title.
    """
    times = _bounds(picture)
    legend, legend_height = _legend(picture)
    height = _LEGEND_TOP + legend_height
    lanes = _lanes(picture)
    top = min(lanes.values(), default=_LANE) - _LANE - (_TITLE_HEIGHT if is_alone else 0)
    begin = (
        f'<svg class="sl-picture" xmlns="http://www.w3.org/2000/svg" viewBox="0 {top} {_WIDTH} {height - top}" '
        f'role="img" aria-labelledby="{name}-title {name}-text">'
        f'<title id="{name}-title">{markup_text(picture.title)}</title>'
        f'<desc id="{name}-text">{markup_text(describe(picture))}</desc>'
    )
    parts = [begin]
    if is_alone:
        parts.append(
            f'<style>{PICTURE_STYLE}</style><path class="sl-back" d="M0 {top}h{_WIDTH}v{height - top}h-{_WIDTH}z"/>'
            f'<text class="sl-title" x="20" y="{top + 40}">{markup_text(picture.title, 110)}</text>'
        )
    if times is None:
        parts.append(f'<text class="sl-mid" x="{_WIDTH // 2}" y="{_BOTTOM // 2}">No samples.</text>')
    else:
        parts += _plot(picture, *times)
    return "".join([*parts, *legend, "</svg>"])


def describe(picture: MemoryPicture) -> str:
    """Return what a picture shows in sentences, for those who do not see it."""
    times, peak = _bounds(picture), picture.peak
    if times is None:
        return "No samples."
    sentences = [f"{human_time(times[0])} to {human_time(times[1])} UTC."]
    if peak is None:
        sentences.append("No samples.")
    else:
        high, time_ns, label = peak
        whose = f", {label}" if len(picture.lines) + (picture.band is not None) > 1 else ""
        sentences.append(f"Highest: {human_bytes(high)}{whose}, at {human_time(time_ns)} UTC.")
    if picture.size_bytes is not None:
        sentences.append(f"Size of the device: {human_bytes(picture.size_bytes)}.")
    counts = {kind: sum(mark.count for mark in picture.marks if _kind(mark) == kind) for kind in MARK_WORDS}
    marks = [
        f"{human_count(count)} {MARK_WORDS[kind][count > 1]}"
        for kind, count in counts.items()
        if count and kind != "evidence"
    ]
    if marks:
        sentences.append(f"Marks: {listed(marks)}.")
    return " ".join([*sentences, *([picture.note] if picture.note else [])])


def _bounds(picture: MemoryPicture) -> tuple[int, int] | None:
    """Return the first and the last time of a picture; None where nothing has a time."""
    lines = [*picture.lines, *([] if picture.band is None else [picture.band])]
    times = [time for line in lines for point in line.points for time in (point.start_ns, point.end_ns)]
    if not times:
        times = [time for span in picture.phases for time in (span.start_ns, span.end_ns)]
    times += [mark.timestamp_ns for mark in picture.marks]
    return (min(times), max(times)) if times else None


def _plot(picture: MemoryPicture, start_ns: int, end_ns: int) -> Iterator[str]:
    if end_ns - start_ns < 1000:
        # Equal times need some room around them.
        start_ns, end_ns = max(start_ns - _NS_PER_S // 2, 0), end_ns + _NS_PER_S // 2
    x = Scale(start_ns, end_ns, _LEFT, _RIGHT)
    peak = picture.peak
    high = 1 if peak is None else max(peak[0], 1)
    size = picture.size_bytes
    is_size_shown = size is not None and high * _SIZE_SHOWN >= size
    top = max(high, size if is_size_shown and size is not None else 0)
    y = Scale(0, top + top // 24 + 1, _BOTTOM, _TOP)
    yield from _phases(picture, x)
    yield from _axes(x, y, top)
    if is_size_shown and size is not None:
        yield f'<path class="sl-size" d="M{_LEFT} {y(size)}H{_RIGHT}"/>'
    if picture.band is not None:
        band = picture.band
        title = f"<title>{markup_text(band.label)}</title>"
        yield f'<path class="sl-band" d="{band_path(band.points, x, y)}">{title}</path>'
        yield f'<path class="sl-line" d="{median_path(band.points, x, y)}"><title>median</title></path>'
    # What stands out is drawn last.
    for number, line in sorted(enumerate(picture.lines), key=lambda item: item[1].is_shown):
        if line.points:
            largest = human_bytes(max(point.max_bytes for point in line.points))
            yield (
                f'<path class="{_line_class(picture, number)}" d="{line_path(line.points, x, y)}">'
                f"<title>{markup_text(line.label, 200)}: at most {largest}</title></path>"
            )
    yield from _marks(picture, x)


def _axes(x: Scale, y: Scale, top: int) -> Iterator[str]:
    ticks = [(y(tick.value), tick.text) for tick in byte_ticks(top)]
    yield f'<path class="sl-grid" d="{"".join(f"M{_LEFT} {at}H{_RIGHT}" for at, _ in ticks)}"/>'
    yield from (f'<text class="sl-end" x="{_LEFT - 14}" y="{at + 8}">{text}</text>' for at, text in ticks)
    times = time_ticks(x.low, x.high)
    if times:
        yield f'<path class="sl-grid" d="{"".join(f"M{x(tick.value)} {_BOTTOM}v8" for tick in times)}"/>'
    for tick in times:
        # Text at an end would leave the picture.
        at = min(max(x(tick.value), _LEFT - 40), _WIDTH - 50)
        yield f'<text class="sl-mid" x="{at}" y="{_BOTTOM + 34}">{tick.text}</text>'
    first, last = human_time(x.low), human_time(x.high)
    yield f'<text x="{_LEFT}" y="{_BOTTOM + 70}">{first} UTC</text>'
    yield f'<text class="sl-end" x="{_RIGHT}" y="{_BOTTOM + 70}">{last} UTC</text>'


def _line_class(picture: MemoryPicture, number: int) -> str:
    if any(line.is_shown for line in picture.lines):
        return "sl-line sl-shown" if picture.lines[number].is_shown else "sl-line"
    return f"sl-line sl-{number % _COLOURS + 1}"


def _phase_names(picture: MemoryPicture) -> list[str]:
    """Return the names of the phases that have colours of their own, those that last longest first."""
    lengths: dict[str, int] = {}
    for span in picture.phases:
        lengths[span.phase] = lengths.get(span.phase, 0) + span.end_ns - span.start_ns
    return sorted(lengths, key=lambda name: (-lengths[name], name))


def _phases(picture: MemoryPicture, x: Scale) -> Iterator[str]:
    names = _phase_names(picture)
    spans: dict[int, list[tuple[int, int]]] = {}
    for span in picture.phases:
        left, right = x(span.start_ns), x(span.end_ns)
        if right > left:
            spans.setdefault(min(names.index(span.phase), _PHASE_COLOURS - 1), []).append((left, right))
    for number, places in sorted(spans.items()):
        is_rest = number == _PHASE_COLOURS - 1 and len(names) > _PHASE_COLOURS
        text = "other phases" if is_rest else markup_text(names[number], 200)
        path = rectangles_path(places, _TOP, _BOTTOM - _TOP)
        yield f'<path class="sl-phase sl-p{number + 1}" d="{path}"><title>{text}</title></path>'


def _lanes(picture: MemoryPicture) -> dict[str, int]:
    """Return kind of a mark -> the middle of its row; the failures stand nearest to the lines."""
    kinds = {_kind(mark) for mark in picture.marks}
    return {
        kind: _LANE - number * _LANE_HEIGHT
        for number, kind in enumerate(kind for kind in MARK_WORDS if kind in kinds)
    }


def _marks(picture: MemoryPicture, x: Scale) -> Iterator[str]:
    for kind, lane in _lanes(picture).items():
        places = sorted({x(mark.timestamp_ns) for mark in picture.marks if _kind(mark) == kind})
        if kind == "failure":
            yield f'<path class="sl-when" d="{"".join(f"M{at} {lane}V{_BOTTOM}" for at in places)}"/>'
        shown = places[:1]
        for at in places:
            if at - shown[-1] >= _MARK_DISTANCE:
                shown.append(at)
        shapes = "".join(_SHAPES[kind].format(x=at, y=lane) for at in shown)
        yield f'<path class="sl-mark {_mark_class(kind)}" d="{shapes}"><title>{MARK_WORDS[kind][0]}</title></path>'


def _kind(mark: TimelineMark) -> str:
    """Return the kind of a mark; hits of rules that are not known here are of one kind."""
    return mark.kind if mark.kind in MARK_WORDS else "other"


def _mark_class(kind: str) -> str:
    return f"sl-{kind.partition('_')[0]}"


def _legend(picture: MemoryPicture) -> tuple[list[str], int]:
    """Return the entries of the legend, and how high they are together."""
    found: list[str] = []
    at_x, row = _LEFT, 0
    for swatch, text in _legend_entries(picture):
        label = markup_text(text, _NAME_WIDTH)
        width = 66 + _CHARACTER_WIDTH * min(len(text), _NAME_WIDTH)
        if at_x > _LEFT and at_x + width > _RIGHT:
            at_x, row = _LEFT, row + 1
        at_y = _LEGEND_TOP + row * _ROW_HEIGHT
        found.append(
            f'{swatch.format(x=at_x, y=at_y + 4)}<text x="{at_x + 42}" y="{at_y + 12}">{label}</text>'
        )
        at_x += width
    return found, (row + 1) * _ROW_HEIGHT if found else 0


def _legend_entries(picture: MemoryPicture) -> Iterator[tuple[str, str]]:
    """Yield what is drawn before a text of the legend, around a position, and the text."""
    others = [line for line in picture.lines if not line.is_shown]
    is_one_shown = len(others) < len(picture.lines)
    for number, line in enumerate(picture.lines):
        if line.is_shown or not is_one_shown:
            yield f'<path class="{_line_class(picture, number)}" d="M{{x}} {{y}}h30"/>', line.label
    if is_one_shown and others:
        text = others[0].label if len(others) == 1 else f"{human_count(len(others))} others"
        yield '<path class="sl-line" d="M{x} {y}h30"/>', text
    if picture.band is not None:
        yield '<path class="sl-band" d="M{x} {y}m0-10h30v20h-30z"/>', picture.band.label
        yield '<path class="sl-line" d="M{x} {y}h30"/>', "median"
    peak = picture.peak
    if picture.size_bytes is not None and peak is not None:
        is_above = max(peak[0], 1) * _SIZE_SHOWN < picture.size_bytes
        above = ", above" if is_above else ""
        yield (
            '<path class="sl-size" d="M{x} {y}h30"/>',
            f"device, {human_bytes(picture.size_bytes)}{above}",
        )
    names = _phase_names(picture)
    for number, name in enumerate(names[:_PHASE_COLOURS]):
        is_rest = number == _PHASE_COLOURS - 1 and len(names) > _PHASE_COLOURS
        swatch = f'<path class="sl-phase sl-p{number + 1}" d="M{{x}} {{y}}m0-12h30v24h-30z"/>'
        yield swatch, "other phases" if is_rest else name
    for kind, (word, _) in MARK_WORDS.items():
        if any(_kind(mark) == kind for mark in picture.marks):
            shape = _SHAPES[kind].replace("M{x} {y}", "M{x} {y}m15 0")
            yield f'<path class="sl-mark {_mark_class(kind)}" d="{shape}"/>', word
