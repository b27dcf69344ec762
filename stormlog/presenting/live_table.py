"""The ranks of live runs as a table that fits any width: columns are left out, the most dispensable first.

Promise: a row is one line, and never wider than asked for. What is not known is a dash.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence

from stormlog._printable_text import printable
from stormlog._values import frozen_class
from stormlog.presenting.plots import columns_of, level_spark
from stormlog.presenting.quantities import human_ago
from stormlog.presenting.texts import cell_width, shortened
from stormlog.presenting.why_text import Line, Piece, Style
from stormlog.query import LiveRank

__all__ = ["LiveTable", "cut_end", "percent", "unit_of"]

#: From so many columns of the screen on there is more room between those of the table.
_WIDE = 100
#: Characters of a text that are looked at to find out how wide it is.
_LOOKED_AT = 200
_NOT_KNOWN = "-"
_UNITS = ("B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB")
#: Share of a device from which on it is scarce, and nearly used up.
_SCARCE, _NEARLY_FULL = 0.80, 0.95
_STATE_STYLES: dict[str, Style] = {
    "OOM": "failure",
    "failed": "failure",
    "lost": "failure",
    "silent": "warning",
    "degraded": "warning",
    "unhealthy": "warning",
    "ended": "faint",
}


@frozen_class
class _Column:
    """A column of the table.

    Attributes:
        title: Its header.
        rank: How dispensable it is; 0 always stays.
        least: Least width that it can be shown in.
        most: Width that it gets at most.
        text: What it shows of a rank, whole.
        is_right: Whether it is aligned to the right.
        keeps_end: Whether the end of a text is kept where it is cut, not its begin.
        style: How it shows a rank.
        drawn: What it shows of a rank in so many columns, where that is drawn and not cut.
    """

    title: str
    rank: int
    least: int
    most: int
    text: Callable[[LiveRank], str]
    is_right: bool = False
    keeps_end: bool = False
    style: Callable[[LiveRank], Style] = lambda _: "plain"
    drawn: Callable[[LiveRank, int], str] | None = None


class LiveTable:
    """A table of ranks, laid out for all of them.

    Args:
        ranks: The ranks.
        width: Columns of the screen, at least 1.
        ascii_only: Whether sparklines and the ellipsis are drawn in ASCII.
    """

    def __init__(self, ranks: Sequence[LiveRank], *, width: int, ascii_only: bool) -> None:
        self._width = width
        self._gap = 2 if width >= _WIDE else 1
        self._ellipsis = "..." if ascii_only else "…"
        self._layout = self._laid_out(_columns(ranks, width, ascii_only), ranks)

    @property
    def header(self) -> Line:
        """The titles of the columns."""
        return self._line(
            (cut_end(column.title, width, self._ellipsis), "faint") for column, width in self._layout
        )

    def row(self, rank: LiveRank) -> Line:
        """Return the line of a rank."""
        return self._line(
            (self._cell(column, width, rank), column.style(rank)) for column, width in self._layout
        )

    def _cell(self, column: _Column, width: int, rank: LiveRank) -> str:
        if column.drawn is not None:
            return column.drawn(rank, width)
        return (_cut_begin if column.keeps_end else cut_end)(column.text(rank), width, self._ellipsis)

    def _laid_out(self, columns: Sequence[_Column], ranks: Sequence[LiveRank]) -> list[tuple[_Column, int]]:
        natural = {
            column.title: max(cell_width(text) for text in (column.title, *_looked_at(column, ranks)))
            for column in columns
        }
        by_need = sorted(columns, key=lambda column: column.rank)
        widths: dict[str, int] = {}
        for column in by_need:
            least = min(column.least, natural[column.title])
            if column.rank == 0 or self._spare(widths) - self._gap >= least:
                widths[column.title] = least
        for column in by_need:
            if column.title in widths:
                wanted = min(natural[column.title], column.most) - widths[column.title]
                widths[column.title] += max(min(wanted, self._spare(widths)), 0)
        shown = [(column, widths[column.title]) for column in columns if column.title in widths]
        # Those that always stay may be too many for the smallest screens.
        while self._spare(widths) < 0:
            last, width = shown.pop()
            del widths[last.title]
            left = self._spare(widths) - (self._gap if widths else 0)
            if left > 0:
                shown.append((last, min(width, left)))
                widths[last.title] = min(width, left)
        return shown

    def _spare(self, widths: dict[str, int]) -> int:
        return self._width - sum(widths.values()) - self._gap * max(len(widths) - 1, 0)

    def _line(self, cells: Iterable[tuple[str, Style]]) -> Line:
        pieces: list[Piece] = []
        for (column, width), (text, style) in zip(self._layout, cells, strict=True):
            if pieces:
                pieces.append(Piece(" " * self._gap))
            blanks = Piece(" " * (width - cell_width(text)))
            piece = Piece(text, "faint" if text == _NOT_KNOWN else style)
            pieces += (blanks, piece) if column.is_right else (piece, blanks)
        return tuple(pieces)


def unit_of(ranks: Sequence[LiveRank]) -> str:
    """Return the unit that the memory of all ranks is shown in."""
    return _UNITS[_unit_number(ranks)]


def percent(rank: LiveRank) -> str:
    """Return how much of its device a rank uses."""
    return _NOT_KNOWN if rank.used_ratio is None else f"{rank.used_ratio:.0%}"


def cut_end(text: str, width: int, ellipsis: str) -> str:
    """Return text that control characters are escaped in, without its end where that does not fit."""
    # There may be no room for an ellipsis.
    cut = shortened(text, width, ellipsis if len(ellipsis) < width else "")
    return cut if cell_width(cut) <= width else ""


def _cut_begin(text: str, width: int, ellipsis: str) -> str:
    line = printable(" ".join(text[-_LOOKED_AT:].split()))
    if len(text) <= _LOOKED_AT and cell_width(line) <= width:
        return line
    kept, mark = line[-max(width, 1) :], ellipsis if len(ellipsis) < width else ""
    while kept and cell_width(kept) + len(mark) > width:
        kept = kept[1:]
    return mark + kept


def _looked_at(column: _Column, ranks: Sequence[LiveRank]) -> Iterator[str]:
    return (printable(column.text(rank)[:_LOOKED_AT]) for rank in ranks)


def _columns(ranks: Sequence[LiveRank], width: int, ascii_only: bool) -> list[_Column]:
    unit = _unit_number(ranks)

    def amount(value: int | None, *, is_change: bool = False) -> str:
        return _NOT_KNOWN if value is None else _amount(value, unit, is_change=is_change)

    def history(rank: LiveRank, width: int) -> str:
        points = [(place, value, value) for place, value in enumerate(rank.history) if value is not None]
        levels = columns_of(points, start_ns=0, end_ns=len(rank.history) - 1, width=width)
        return level_spark(levels, width=width, ascii_only=ascii_only)

    columns = [
        _Column(
            "Rank", 0, 4, 8, lambda rank: _NOT_KNOWN if rank.rank is None else str(rank.rank), is_right=True
        ),
        _Column("Host", 7, 6, 24, _host, keeps_end=True),
        _Column("State", 0, 7, 20, _state_text, style=_state_style, drawn=_state_in),
        _Column("Age", 1, 6, 8, _age, is_right=True, style=_age_style),
        _Column("Phase", 4, 8, 40, _phase, keeps_end=True),
        _Column("Device", 10, 6, 6, _device, is_right=True),
        _Column("Used", 2, 5, 7, lambda rank: amount(rank.current_bytes), is_right=True),
        _Column("Share", 3, 5, 5, percent, is_right=True, style=_share_style),
        _Column("Peak", 5, 5, 7, lambda rank: amount(rank.peak_bytes), is_right=True),
        _Column("Change", 6, 6, 8, lambda rank: amount(rank.change_bytes, is_change=True), is_right=True),
        _Column("History", 9, 7, 20, lambda rank: " " * len(rank.history), drawn=history),
        _Column("Alerts", 8, 6, 7, lambda rank: f"{rank.alert_count:,}", is_right=True, style=_alert_style),
    ]
    needless = set()
    if len({rank.host for rank in ranks}) < 2:
        needless.add("Host")
    if width < _WIDE or not any((rank.device_id or 0) > 0 or rank.device_count > 1 for rank in ranks):
        needless.add("Device")
    return [column for column in columns if column.title not in needless]


def _host(rank: LiveRank) -> str:
    # What tells hosts of a cluster apart is the end of their first name.
    return _NOT_KNOWN if rank.host is None else rank.host.split(".")[0] or rank.host


def _state(rank: LiveRank) -> str:
    if rank.state == "failed" and rank.failure_kind == "oom":
        return "OOM"
    if rank.state == "running" and rank.health_status not in (None, "healthy"):
        return rank.health_status or ""
    return rank.state


def _state_text(rank: LiveRank) -> str:
    is_known = rank.state == "silent" and rank.age_ns is not None
    return f"silent for {_age(rank)}" if is_known else _state(rank)


def _state_in(rank: LiveRank, width: int) -> str:
    whole = _state_text(rank)
    return whole if cell_width(whole) <= width else _state(rank)[:width]


def _state_style(rank: LiveRank) -> Style:
    return _STATE_STYLES.get(_state(rank), "plain")


def _age(rank: LiveRank) -> str:
    return _NOT_KNOWN if rank.age_ns is None else human_ago(rank.age_ns).removesuffix(" ago")


def _age_style(rank: LiveRank) -> Style:
    return "warning" if rank.state == "silent" else "plain"


def _phase(rank: LiveRank) -> str:
    return _NOT_KNOWN if rank.phase is None else rank.phase.replace(" / ", "/")


def _device(rank: LiveRank) -> str:
    if rank.device_id is None:
        return _NOT_KNOWN
    return "host" if rank.device_id < 0 else str(rank.device_id)


def _share_style(rank: LiveRank) -> Style:
    ratio = rank.used_ratio or 0
    return "failure" if ratio >= _NEARLY_FULL else "warning" if ratio >= _SCARCE else "plain"


def _alert_style(rank: LiveRank) -> Style:
    return "warning" if rank.alert_count else "faint"


def _unit_number(ranks: Sequence[LiveRank]) -> int:
    """Return the unit in which the largest value has up to four digits before the point."""
    largest = max((rank.peak_bytes or 0 for rank in ranks), default=0)
    return next((number for number in range(len(_UNITS)) if largest < 1024 ** (number + 1)), len(_UNITS) - 1)


def _amount(value: int, unit: int, *, is_change: bool) -> str:
    size: float = value / 1024**unit
    digits = 0 if unit == 0 or abs(size) >= 99.95 else 1 if abs(size) >= 9.995 else 2
    text = f"{size:+.{digits}f}" if is_change else f"{size:.{digits}f}"
    return "0" if float(text) == 0 else text
