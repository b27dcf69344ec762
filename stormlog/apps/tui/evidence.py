"""The evidence of an issue: where each hit is recorded, and what stands there."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, ClassVar, Final

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import Screen
from textual.widgets import Static

from stormlog.apps.tui.board import BoardRow
from stormlog.apps.tui.detail import DetailPane
from stormlog.apps.tui.keys import bindings
from stormlog.apps.tui.lazy_table import Cell, LazyTable, TableColumn
from stormlog.apps.tui.lines import plain
from stormlog.presenting import human_time, printable
from stormlog.presenting.issue_sentences import place

if TYPE_CHECKING:
    from stormlog.apps.tui.app import StormlogApp
    from stormlog.explaining import EvidencePlace

__all__ = ["EvidenceScreen"]

_COLUMNS: Final = (
    TableColumn("time", "Time (UTC)", 23, 1),
    TableColumn("rank", "Rank", 5, 2, is_amount=True),
    TableColumn("event_type", "Event", 10, 3),
    TableColumn("session", "Session", 8, 4),
    TableColumn("place", "Where", 16, 0, is_text=True),
)
#: Characters of what is recorded that are shown: a line may have millions.
_MOST_CHARACTERS: Final = 20_000


class EvidenceScreen(Screen[None]):
    """A table of hits, and below it what is recorded of the one under the cursor."""

    app: StormlogApp
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q", "leave", "Back"),
        *(binding for binding in bindings("everywhere") if binding.action == "help"),
    ]
    DEFAULT_CSS = """
    EvidenceScreen #title { height: 1; background: $panel; text-style: bold; padding: 0 1; }
    EvidenceScreen #place { height: auto; max-height: 3; background: $panel; padding: 0 1; }
    EvidenceScreen LazyTable { height: 40%; }
    EvidenceScreen.-few-lines LazyTable { height: 2; }
    """

    def __init__(self, row: BoardRow, places: Sequence[EvidencePlace]) -> None:
        """Make the screen.

        Args:
            row: The issue.
            places: Where its hits are recorded.
        """
        super().__init__()
        self._row, self._places = row, places
        self._place = Static("", id="place")
        self._pane = DetailPane()

    def compose(self) -> ComposeResult:
        """Make the widgets."""
        shown = len(self._places)
        count = f"the latest {shown:,}" if 0 < shown < self._row.row.hit_count else f"{shown:,}"
        with Vertical():
            yield Static(plain(f"Evidence ({count}) of {printable(self._row.row.title[:200])}"), id="title")
            yield LazyTable(_COLUMNS, self._cells, empty="no evidence lies below the paths")
            yield self._place
            yield self._pane

    def on_mount(self) -> None:
        """Show the table."""
        table = self.query_one(LazyTable)
        table.show_rows(len(self._places))
        table.focus()

    def _cells(self, number: int) -> Mapping[str, Cell]:
        found = self._places[number]
        time = found.timestamp_ns
        return {
            "time": Cell("-" if time is None else human_time(time, milliseconds=True)),
            "rank": Cell("-" if found.rank is None else str(found.rank)),
            "event_type": Cell(found.event_type or "bundle"),
            "session": Cell(found.session_id or "-"),
            "place": Cell(place(found)),
        }

    def on_lazy_table_moved(self, event: LazyTable.Moved) -> None:
        """Read what is recorded of the hit."""
        event.stop()
        if not self._places:
            return
        found = self._places[event.table.cursor]
        self._place.update(plain(printable(place(found)), "bold"))
        pane = self._pane

        def show(text: str) -> None:
            pane.show(found, plain(_readable(text)))

        def fail(error: Exception) -> None:
            pane.say(printable(str(error)))

        self.app.background.ask("recorded", lambda: self.app.board.store.recorded_text(found), show, fail)

    def on_lazy_table_entered(self, event: LazyTable.Entered) -> None:
        """Let keys scroll what is recorded."""
        event.stop()
        self._pane.focus()

    def on_lazy_table_left(self, event: LazyTable.Left) -> None:
        """Go back."""
        event.stop()
        self.action_leave()

    def action_leave(self) -> None:
        """Go back: from the text to the table, from there to the issue."""
        table = self.query_one(LazyTable)
        if table.has_focus:
            self.dismiss(None)
        else:
            table.focus()

    def action_help(self) -> None:
        """Show the keys."""
        self.app.action_help()


def _readable(text: str) -> str:
    """Return JSON on several lines, and any other text as it is; control characters are shown."""
    try:
        shown = json.dumps(json.loads(text), indent=2, ensure_ascii=False)
    except (ValueError, RecursionError):
        shown = text
    lines = shown[:_MOST_CHARACTERS].split("\n")
    return "\n".join(map(printable, lines)) + ("\n…" if len(shown) > _MOST_CHARACTERS else "")
