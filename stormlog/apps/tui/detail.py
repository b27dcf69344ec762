"""The pane beside or below a list: text that belongs to the row under the cursor."""

from __future__ import annotations

from typing import ClassVar, Final

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import VerticalScroll
from textual.message import Message
from textual.widgets import Static

from stormlog.apps.tui.keys import bindings
from stormlog.apps.tui.lines import plain

__all__ = ["DetailPane"]

#: Columns beside the text: blanks, and the scroll bar.
_BESIDE: Final = 3


class DetailPane(VerticalScroll, can_focus=True):
    """The pane; it scrolls when it has the focus."""

    BINDINGS: ClassVar[list[BindingType]] = [*bindings("detail")]
    DEFAULT_CSS = """
    DetailPane { background: $surface; height: 1fr; scrollbar-gutter: stable; scrollbar-size-vertical: 1; }
    DetailPane:focus { background: $surface-lighten-1; }
    DetailPane Static { height: auto; width: 1fr; padding: 0 1; }
    """

    class Entered(Message):
        """Enter was pressed."""

    class Resized(Message):
        """There is more or less room."""

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        # Kept: an answer may come after the pane was left.
        self._text = Static("", id="text")
        self._shown: object = None
        self._room = 0

    def compose(self) -> ComposeResult:
        """Make the text."""
        yield self._text

    def show(self, name: object, text: Text) -> None:
        """Show text.

        Args:
            name: What it is about; about the same thing, the pane stays where it is scrolled to.
            text: The text.
        """
        self._text.update(text)
        if name != self._shown:
            self._shown = name
            self.scroll_home(animate=False)

    def say(self, text: str) -> None:
        """Show a sentence, about nothing."""
        self.show(None, plain(text, "dim"))

    @property
    def room(self) -> int:
        """Columns for text."""
        return max(self.content_size.width - _BESIDE, 1)

    def on_resize(self) -> None:
        """Say so, if lines have another width now."""
        if self.room != self._room:
            self._room = self.room
            self.post_message(self.Resized())

    def action_evidence(self) -> None:
        """Go on to what the text is about."""
        self.post_message(self.Entered())

    def action_scroll_down(self) -> None:
        """Scroll one line."""
        self.scroll_relative(y=1, animate=False)

    def action_scroll_up(self) -> None:
        """Scroll one line."""
        self.scroll_relative(y=-1, animate=False)

    def action_scroll_home(self) -> None:
        """Scroll to the top."""
        self.scroll_home(animate=False)

    def action_scroll_end(self) -> None:
        """Scroll to the end."""
        self.scroll_end(animate=False)

    def action_page_down(self) -> None:
        """Scroll one page."""
        self.scroll_page_down(animate=False)

    def action_page_up(self) -> None:
        """Scroll one page."""
        self.scroll_page_up(animate=False)
