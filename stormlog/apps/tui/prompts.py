"""Small windows over the screen: a question with some fields, a choice, and text to read."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical, VerticalScroll
from textual.screen import ModalScreen
from textual.widgets import Input, Label, OptionList, Static
from textual.widgets.option_list import Option

from stormlog._values import frozen_class
from stormlog.apps.tui.keys import bindings
from stormlog.apps.tui.lines import plain
from stormlog.presenting import printable
from stormlog.presenting.texts import shortened

__all__ = ["Ask", "Choose", "Confirm", "Field", "Read"]

_LONGEST = 200


@frozen_class
class Field:
    """A field of a question.

    Args:
        name: Key of the answer.
        label: What stands before it.
        hint: What stands in it while it is empty.
        value: What it holds at first.
    """

    name: str
    label: str
    hint: str = ""
    value: str = ""


class _Window(ModalScreen[object]):
    DEFAULT_CSS = """
    _Window { align: center middle; }
    _Window > Vertical {
        width: 72; max-width: 100%; height: auto; max-height: 100%; padding: 0 1;
        border: round $primary; background: $surface;
    }
    _Window Input, _Window Input:focus { border: none; height: 1; padding: 0; background: $panel; }
    _Window Input:focus { background: $primary-muted; }
    _Window .title { text-style: bold; }
    _Window .problem { color: $text-error; height: auto; }
    _Window .hint { color: $text-muted; }
    _Window Static { height: auto; }
    _Window.-few-lines > Vertical { border: none; padding: 0; overflow-y: auto; scrollbar-size-vertical: 1; }
    _Window.-few-lines .hint, _Window.-few-lines .title { display: none; }
    _Window.-few-lines Label { height: 1; }
    """


class Ask(_Window):
    """Ask for one value or several; the answer is a mapping, or None if it was given up."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "give_up", "Give up")]

    def __init__(
        self,
        title: str,
        fields: Sequence[Field],
        *,
        check: Callable[[dict[str, str]], object] = lambda _: None,
        note: str = "",
    ) -> None:
        """Make a question.

        Args:
            title: What is to be done.
            fields: What is asked.
            check: Raises ValueError for an answer that will not do.
            note: What to know before.
        """
        super().__init__()
        self._title, self._fields, self._check, self._note = title, fields, check, note

    def compose(self) -> ComposeResult:
        """Make the widgets."""
        with Vertical():
            yield Static(plain(shortened(self._title, _LONGEST)), classes="title")
            if self._note:
                yield Static(plain(self._note))
            for field in self._fields:
                yield Label(plain(field.label))
                yield Input(field.value, placeholder=field.hint, id=field.name)
            yield Static("", classes="problem")
            yield Static(plain("Enter does it, Esc gives up"), classes="hint")

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Go to the next field, and answer behind the last one."""
        event.stop()
        names = [field.name for field in self._fields]
        place = names.index(event.input.id or "")
        if place + 1 < len(names):
            self.query_one(f"#{names[place + 1]}", Input).focus()
            return
        answer = {name: self.query_one(f"#{name}", Input).value for name in names}
        try:
            self._check(answer)
        except ValueError as error:
            self.query_one(".problem", Static).update(plain(shortened(str(error), 4 * _LONGEST)))
            return
        self.dismiss(answer)

    def action_give_up(self) -> None:
        """Leave without an answer."""
        self.dismiss(None)


class Confirm(_Window):
    """Ask a question that y or n answers."""

    DEFAULT_CSS = "Confirm.-few-lines .title { display: block; }"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("y,enter", "answer(True)", "Yes"),
        Binding("n,escape,q", "answer(False)", "No"),
    ]

    def __init__(self, question: str) -> None:
        super().__init__()
        self._question = question

    def compose(self) -> ComposeResult:
        """Make the widgets."""
        with Vertical():
            yield Static(plain(shortened(self._question, 4 * _LONGEST)), classes="title")
            yield Static(plain("y does it, n or Esc does not"), classes="hint")

    def action_answer(self, answer: bool) -> None:
        """Answer."""
        self.dismiss(answer)


class Choose(_Window):
    """Let one of several lines be chosen; the answer is its place, or None."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q", "give_up", "Give up"),
        Binding("j", "move(1)", show=False),
        Binding("k", "move(-1)", show=False),
    ]
    DEFAULT_CSS = """
    Choose OptionList, Choose OptionList:focus {
        height: auto; max-height: 20; border: none; padding: 0; background: $surface;
    }
    """

    def __init__(self, title: str, lines: Sequence[str]) -> None:
        super().__init__()
        self._title, self._lines = title, lines

    def compose(self) -> ComposeResult:
        """Make the widgets."""
        with Vertical():
            yield Static(plain(shortened(self._title, _LONGEST)), classes="title")
            yield OptionList(*(Option(plain(printable(line[:_LONGEST]))) for line in self._lines))
            yield Static(plain("Enter takes it, Esc gives up"), classes="hint")

    def on_mount(self) -> None:
        """Let keys go to the list."""
        self.query_one(OptionList).focus()

    def action_move(self, step: int) -> None:
        """Move to the next line, or to the one before."""
        options = self.query_one(OptionList)
        (options.action_cursor_down if step > 0 else options.action_cursor_up)()

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        """Answer."""
        event.stop()
        self.dismiss(event.option_index)

    def action_give_up(self) -> None:
        """Leave without an answer."""
        self.dismiss(None)


class Read(_Window):
    """Show text that may be longer than the screen."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q,question_mark,w", "leave", "Back"),
        *(binding for binding in bindings("detail") if binding.action != "evidence"),
    ]
    DEFAULT_CSS = """
    Read > Vertical { width: 100; height: 90%; }
    Read VerticalScroll { height: 1fr; }
    """

    def __init__(self, title: str, text: Text) -> None:
        super().__init__()
        self._title, self._text = title, text

    def compose(self) -> ComposeResult:
        """Make the widgets."""
        with Vertical():
            yield Static(plain(shortened(self._title, _LONGEST)), classes="title")
            with VerticalScroll():
                yield Static(self._text)
            yield Static(plain("j k g G scroll, Esc goes back"), classes="hint")

    def on_mount(self) -> None:
        """Let keys go to the text."""
        self.query_one(VerticalScroll).focus()

    def action_leave(self) -> None:
        """Go back."""
        self.dismiss(None)

    def action_scroll_down(self) -> None:
        """Scroll."""
        self.query_one(VerticalScroll).scroll_down(animate=False)

    def action_scroll_up(self) -> None:
        """Scroll."""
        self.query_one(VerticalScroll).scroll_up(animate=False)

    def action_scroll_home(self) -> None:
        """Scroll."""
        self.query_one(VerticalScroll).scroll_home(animate=False)

    def action_scroll_end(self) -> None:
        """Scroll."""
        self.query_one(VerticalScroll).scroll_end(animate=False)

    def action_page_down(self) -> None:
        """Scroll."""
        self.query_one(VerticalScroll).scroll_page_down(animate=False)

    def action_page_up(self) -> None:
        """Scroll."""
        self.query_one(VerticalScroll).scroll_page_up(animate=False)
