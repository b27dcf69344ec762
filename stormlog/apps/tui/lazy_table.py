"""A table of any number of rows, of which only those on the screen are asked for.

The promise: moving about costs the same with a hundred thousand rows as with ten. Cells are plain text: nothing in them
is taken for markup, and control characters are shown, not sent.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import ClassVar, Final, NamedTuple

from rich.segment import Segment
from rich.style import Style
from textual.binding import BindingType
from textual.events import Click
from textual.geometry import Region, Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.strip import Strip

from stormlog._values import frozen_class
from stormlog.apps.tui.keys import bindings
from stormlog.presenting import cell_width
from stormlog.presenting.texts import padded, shortened

__all__ = ["Cell", "LazyTable", "TableColumn", "fitting"]

_GAP: Final = 2
#: The mark of the cursor, then that of the selection.
_MARKS_WIDTH: Final = 2
#: Columns up to this rank are shown even if texts get less room than they should have.
_NEEDED_RANK: Final = 3
#: Columns that are left for a text before others are shown.
_GOOD_WIDTH: Final = 17


class Cell(NamedTuple):
    """A value of a row.

    Attributes:
        text: What is shown, on one line.
        style: Name of a component class of `LazyTable`, without ``table--``; '' for none.
    """

    text: str
    style: str = ""


@frozen_class
class TableColumn:
    """A column.

    Args:
        key: Name of the cell.
        header: What stands above it.
        width: Columns of the terminal; of a text, the least.
        rank: Columns with the highest rank are the first to go where the terminal is narrow.
        is_text: Whether it takes the room that is left.
        is_amount: Whether it is aligned on its right.
    """

    key: str
    header: str
    width: int
    rank: int = 0
    is_text: bool = False
    is_amount: bool = False


def fitting(columns: Sequence[TableColumn], width: int) -> list[tuple[TableColumn, int]]:
    """Return the columns that fit into a width, each with its own; the most important one always stays."""
    shown: list[TableColumn] = []
    for column in sorted(columns, key=lambda column: column.rank):
        needed = sum(
            (max(other.width, _GOOD_WIDTH) if other.is_text and column.rank > _NEEDED_RANK else other.width)
            + _GAP
            for other in (*shown, column)
        )
        if not shown or needed - _GAP <= width:
            shown.append(column)
    keys = {column.key for column in shown}
    placed = [column for column in columns if column.key in keys]
    spare = max(width - sum(column.width for column in placed) - _GAP * (len(placed) - 1), 0)
    texts = [column for column in placed if column.is_text]
    extra = {column.key: spare // len(texts) for column in texts}
    return [(column, max(min(column.width + extra.get(column.key, 0), width), 1)) for column in placed]


class LazyTable(ScrollView, can_focus=True):
    """The table; whoever owns it says how many rows there are, and gives them when they are asked for."""

    BINDINGS: ClassVar[list[BindingType]] = [*bindings("list")]
    COMPONENT_CLASSES: ClassVar[set[str]] = {
        *("table--header", "table--cursor", "table--selected", "table--waiting"),
        *("table--failure", "table--warning", "table--note", "table--good", "table--faint", "table--badge"),
    }
    DEFAULT_CSS = """
    LazyTable { overflow-x: hidden; scrollbar-size-vertical: 1; height: 1fr; background: $surface; color: $foreground; }
    LazyTable > .table--header { text-style: bold; background: $panel; color: $foreground; }
    LazyTable > .table--cursor { background: $surface-lighten-2; text-style: bold; }
    LazyTable:focus > .table--cursor { background: $primary; color: $text; text-style: bold; }
    LazyTable > .table--selected { background: $secondary-muted; }
    LazyTable > .table--waiting { color: $text-disabled; }
    LazyTable > .table--failure { color: $text-error; text-style: bold; }
    LazyTable > .table--warning { color: $text-warning; }
    LazyTable > .table--note { color: $text-accent; }
    LazyTable > .table--good { color: $text-success; }
    LazyTable > .table--faint { color: $text-muted; }
    LazyTable > .table--badge { color: $text-accent; text-style: bold; }
    """

    class Moved(Message):
        """The cursor is on another row, or the row under it is another one."""

        def __init__(self, table: LazyTable) -> None:
            super().__init__()
            self.table = table

        @property
        def control(self) -> LazyTable:
            """The table."""
            return self.table

    class Entered(Moved):
        """Enter was pressed on a row."""

    class Left(Moved):
        """Escape was pressed."""

    def __init__(
        self,
        columns: Sequence[TableColumn],
        row_at: Callable[[int], Mapping[str, Cell] | None],
        *,
        is_selected: Callable[[int], bool] = lambda _: False,
        empty: str = "",
        id: str | None = None,
    ) -> None:
        """Make a table.

        Args:
            columns: Its columns.
            row_at: Returns the cells of a row by key, or None and has them read.
            is_selected: Tells whether a row is selected.
            empty: What is shown where there are no rows.
        """
        super().__init__(id=id)
        self._columns = list(columns)
        #: The columns that fit, for the room that they were fitted into.
        self._layout: tuple[int, list[tuple[TableColumn, int]]] | None = None
        self._row_at = row_at
        self._is_selected = is_selected
        self.empty = empty
        self.row_count = 0
        self.cursor = 0

    # ---- for the owner -------------------------------------------------------------------------------------

    def show_rows(self, count: int, cursor: int = 0) -> None:
        """Show rows.

        Args:
            count: How many there are.
            cursor: Which one the cursor is on.
        """
        self.row_count = count
        self.cursor = min(max(cursor, 0), max(count - 1, 0))
        self._measure()
        self._show_cursor()
        self.refresh()
        self.post_message(self.Moved(self))

    def show_columns(self, columns: Sequence[TableColumn]) -> None:
        """Show other columns."""
        self._columns, self._layout = list(columns), None
        self.refresh()

    def move_to(self, place: int) -> None:
        """Move the cursor to a row; to the nearest one if there is no such row."""
        place = min(max(place, 0), max(self.row_count - 1, 0))
        if place != self.cursor:
            self.cursor = place
            self.post_message(self.Moved(self))
        self._show_cursor()
        self.refresh()

    @property
    def visible_rows(self) -> range:
        """The rows on the screen."""
        start = round(self.scroll_y)
        return range(start, min(start + self._page_rows, self.row_count))

    @property
    def _page_rows(self) -> int:
        return max(self.scrollable_content_region.height - 1, 1)

    def _measure(self) -> None:
        # One line more: the header stays where it is while rows scroll.
        self.virtual_size = Size(max(self.size.width, 1), self.row_count + 1)

    def _show_cursor(self) -> None:
        """Scroll as little as the cursor needs."""
        top, rows = round(self.scroll_y), self._page_rows
        if self.cursor < top:
            self.scroll_to(y=self.cursor, animate=False, force=True, immediate=True)
        elif self.cursor >= top + rows:
            self.scroll_to(y=self.cursor - rows + 1, animate=False, force=True, immediate=True)

    def on_resize(self) -> None:
        """Keep the cursor in sight."""
        self._measure()
        self._show_cursor()

    # ---- drawing -------------------------------------------------------------------------------------------

    def render_line(self, y: int) -> Strip:
        """Draw one line: the header, or a row."""
        width = self.scrollable_content_region.width
        base = self.rich_style
        layout = self._fitted(max(width - _MARKS_WIDTH, 1))
        if y == 0:
            style = base + self._style("header")
            cells = {column.key: Cell(column.header) for column, _ in layout}
            return self._line("  ", cells, layout, style, width)
        place = round(self.scroll_y) + y - 1
        if place >= self.row_count:
            text = f"  {self.empty}" if y == 2 and not self.row_count else ""
            return Strip([Segment(shortened(text, width), base + self._style("faint"))]).adjust_cell_length(
                width, base
            )
        is_selected, is_current = self._is_selected(place), place == self.cursor
        style = base
        if is_selected:
            style += self._style("selected")
        if is_current:
            style += self._style("cursor")
        marks = (">" if is_current else " ") + ("*" if is_selected else " ")
        row = self._row_at(place)
        if row is None:
            row = {layout[0][0].key: Cell("…", "waiting")}
        return self._line(
            marks, row, layout, style, width, keeps_colours=not is_current or not self.has_focus
        )

    def _fitted(self, room: int) -> Sequence[tuple[TableColumn, int]]:
        """Return the columns that fit: the same for all lines of a screen."""
        if self._layout is None or self._layout[0] != room:
            self._layout = room, fitting(self._columns, room)
        return self._layout[1]

    def _line(
        self,
        marks: str,
        row: Mapping[str, Cell],
        layout: Sequence[tuple[TableColumn, int]],
        style: Style,
        width: int,
        *,
        keeps_colours: bool = True,
    ) -> Strip:
        segments = [Segment(marks, style)]
        for number, (column, column_width) in enumerate(layout):
            if number:
                segments.append(Segment(" " * _GAP, style))
            cell = row.get(column.key, Cell(""))
            text = shortened(cell.text, column_width)
            gap = column_width - cell_width(text)
            text = " " * gap + text if column.is_amount else padded(text, column_width)
            own = self._style(cell.style) if cell.style and keeps_colours else None
            segments.append(
                Segment(text, style if own is None else style + Style(color=own.color, bold=own.bold))
            )
        return Strip(segments).adjust_cell_length(width, style)

    def _style(self, name: str) -> Style:
        return self.get_component_rich_style(f"table--{name}", partial=True)

    # ---- keys and mouse ------------------------------------------------------------------------------------

    def action_down(self) -> None:
        """Move down."""
        self.move_to(self.cursor + 1)

    def action_up(self) -> None:
        """Move up."""
        self.move_to(self.cursor - 1)

    def action_first(self) -> None:
        """Move to the first row."""
        self.move_to(0)

    def action_last(self) -> None:
        """Move to the last row."""
        self.move_to(self.row_count - 1)

    def action_page_down(self) -> None:
        """Move down by a page."""
        self.move_to(self.cursor + self._page_rows)

    def action_page_up(self) -> None:
        """Move up by a page."""
        self.move_to(self.cursor - self._page_rows)

    def action_enter(self) -> None:
        """Go into the row."""
        if self.row_count:
            self.post_message(self.Entered(self))

    def action_back(self) -> None:
        """Go back."""
        self.post_message(self.Left(self))

    def on_click(self, event: Click) -> None:
        """Move the cursor to the row; a second click goes into it."""
        place = round(self.scroll_y) + event.y - 1
        if event.y < 1 or place >= self.row_count:
            return
        was_there = place == self.cursor
        self.move_to(place)
        if was_there and event.chain > 1:
            self.action_enter()

    def refresh_row(self, place: int) -> None:
        """Draw a row again."""
        y = place - round(self.scroll_y) + 1
        if 1 <= y < self.size.height:
            self.refresh(Region(0, y, self.size.width, 1))
