"""Pictures of the size of a word, as SVG: hits over time, and memory over time."""

from __future__ import annotations

from collections.abc import Sequence

from stormlog.explaining import TimelinePoint
from stormlog.presenting.markup import markup_text
from stormlog.presenting.svg_axes import Scale
from stormlog.presenting.svg_paths import band_path, line_path

__all__ = ["hits_svg", "memory_spark_svg"]

_WIDTH, _HEIGHT = 120, 28
_MEMORY_WIDTH, _MEMORY_HEIGHT = 480, 72


def hits_svg(hits: Sequence[tuple[int, int]], part_count: int, text: str) -> str:
    """Return columns, one per part of a time that has hits.

    Args:
        hits: Number of the part, and its hits.
        part_count: Number of parts.
        text: What the picture shows, for those who do not see it.
    """
    most = max((count for _, count in hits), default=1)
    width = _WIDTH // max(part_count, 1)
    columns = []
    for part, count in hits:
        # Even one hit among thousands is seen.
        height = max(3, _HEIGHT * count // most)
        columns.append(f"M{part * width} {_HEIGHT}v-{height}h{max(width - 1, 1)}v{height}z")
    return (
        f'<svg class="sl-picture sl-hits" viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img">'
        f"<title>{markup_text(text, 200)}</title>"
        f'<path class="sl-grid" d="M0 {_HEIGHT - 1}h{_WIDTH}"/><path class="sl-spark" d="{"".join(columns)}"/></svg>'
    )


def memory_spark_svg(points: Sequence[TimelinePoint], text: str) -> str:
    """Return the band and the line of one counter, without axes.

    Args:
        points: In the order of time, at least one.
        text: What the picture shows, for those who do not see it.
    """
    x = Scale(points[0].start_ns, max(points[-1].end_ns, points[0].start_ns + 1), 4, _MEMORY_WIDTH - 4)
    most = max(point.max_bytes for point in points)
    y = Scale(0, max(most, 1), _MEMORY_HEIGHT - 4, 4)
    return (
        f'<svg class="sl-picture sl-spark-memory" viewBox="0 0 {_MEMORY_WIDTH} {_MEMORY_HEIGHT}" role="img">'
        f"<title>{markup_text(text, 200)}</title>"
        f'<path class="sl-grid" d="M0 {_MEMORY_HEIGHT - 4}h{_MEMORY_WIDTH}"/>'
        f'<path class="sl-band" d="{band_path(points, x, y)}"/>'
        f'<path class="sl-line sl-1" d="{line_path(points, x, y)}"/></svg>'
    )
