"""A list with a pane beside it, or below it where the terminal is narrow: what the views of issues and runs share."""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING, ClassVar, Final

from textual.binding import Binding, BindingType
from textual.containers import Container
from textual.timer import Timer

from stormlog.apps.tui.detail import DetailPane
from stormlog.apps.tui.lazy_table import LazyTable

if TYPE_CHECKING:
    from stormlog.apps.tui.app import StormlogApp

__all__ = ["SplitView"]

#: Columns of a terminal from which on the pane stands beside the list.
_WIDE: Final = 120
#: Lines of a narrow terminal that has room for both.
_HIGH: Final = 16
#: Seconds for which the cursor has to rest before the pane is filled.
_REST_S: Final = 0.15


class SplitView(Container):
    """A view; its list is the child of class ``list``."""

    app: StormlogApp
    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "to_list", show=False)]
    DEFAULT_CSS = """
    SplitView { layout: vertical; }
    SplitView.wide { layout: horizontal; }
    SplitView > .list { height: 45%; width: 100%; }
    SplitView.wide > .list { height: 100%; width: 46%; }
    SplitView > DetailPane { height: 1fr; border-top: solid $primary-muted; }
    SplitView.wide > DetailPane { height: 100%; width: 1fr; border-top: none; border-left: solid $primary-muted; }
    SplitView.low > DetailPane { display: none; }
    SplitView.low > .list { height: 100%; }
    SplitView.zoomed > .list { display: none; }
    SplitView.zoomed > DetailPane { display: block; border: none; }
    """

    def __init__(self, *, id: str) -> None:
        super().__init__(id=id)
        self._timer: Timer | None = None

    @property
    def table(self) -> LazyTable:
        """The table."""
        return self.query_one(LazyTable)

    @property
    def pane(self) -> DetailPane:
        """The pane."""
        return self.query_one(DetailPane)

    @abstractmethod
    def fill_pane(self) -> None:
        """Fill the pane with what belongs to the row under the cursor, unless it is there already."""

    @abstractmethod
    def draw_pane(self) -> None:
        """Lay out again what the pane shows."""

    def on_resize(self) -> None:
        """Put the pane where there is room."""
        width, height = self.app.size
        self.set_class(width >= _WIDE, "wide")
        self.set_class(height < _HIGH and width < _WIDE, "low")

    def focus_view(self) -> None:
        """Let keys go to the list, or to the pane if that is all there is to see."""
        (self.pane if self.has_class("zoomed") else self.table).focus()

    def go_into_pane(self) -> None:
        """Let keys go to the pane; where it is not beside the list, it takes the place of the list."""
        self.set_class(not self.has_class("wide"), "zoomed")
        self.pane.focus()

    def action_to_list(self) -> None:
        """Go back to the list."""
        self.remove_class("zoomed")
        self.table.focus()

    def on_lazy_table_moved(self, event: LazyTable.Moved) -> None:
        """Fill the pane once the cursor rests."""
        event.stop()
        self.wait_for_rest()

    def wait_for_rest(self) -> None:
        """Fill the pane in a moment."""
        if self._timer is not None:
            self._timer.stop()
        self._timer = self.set_timer(_REST_S, self._rested)

    def _rested(self) -> None:
        if self.app.is_running:
            self.fill_pane()

    def on_detail_pane_resized(self, event: DetailPane.Resized) -> None:
        """Lay the pane out again."""
        event.stop()
        self.draw_pane()
