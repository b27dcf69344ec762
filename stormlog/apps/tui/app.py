"""The application: three views, one line for what was said, one for commands, and a look at the files now and then.

The promise: the screen never waits for a file or a statement, an error is a sentence, and leaving stops everything that
runs.
"""

from __future__ import annotations

import time
from typing import Any, ClassVar, Final, Protocol, cast

from rich.text import Text
from textual.app import App, ComposeResult
from textual.binding import BindingType
from textual.containers import Horizontal
from textual.widgets import ContentSwitcher, Input, Label, Static

from stormlog.apps.tui.actions import ACTIONS
from stormlog.apps.tui.background import Answered, Background
from stormlog.apps.tui.board import Board
from stormlog.apps.tui.issues_view import IssuesView
from stormlog.apps.tui.keys import bindings, help_lines, hints
from stormlog.apps.tui.lines import plain
from stormlog.apps.tui.prompts import Read
from stormlog.apps.tui.runs_view import RunsView
from stormlog.apps.tui.sql_view import SqlView
from stormlog.errors import QueryError, StormlogError
from stormlog.presenting import cell_width, printable
from stormlog.presenting.texts import shortened

__all__ = ["StormlogApp"]

_NAMES: Final = {"issues": "1 Issues", "runs": "2 Runs", "sql": "3 SQL"}
_STATEMENTS: Final = ("select", "from", "with", "describe", "show", "summarize", "explain")
_COMMANDS: Final = (
    "issues",
    "runs",
    "sql",
    "filter",
    "sort",
    "tracker",
    "refresh",
    "warnings",
    "help",
    "quit",
)
#: Seconds between two looks at how far reading is.
_PROGRESS_S: Final = 0.3
#: How much longer than it took to read again is waited before the next time.
_PAUSES: Final = 3
_MOST_WARNINGS: Final = 500


class View(Protocol):
    """What the application asks of a view."""

    def focus_view(self) -> None:
        """Let keys go to it."""

    def read(self) -> None:
        """Read what it shows."""

    def title(self) -> str:
        """Return what it shows, in a few words."""

    def search(self, text: str) -> None:
        """Look for a text."""

    def next_match(self, step: int) -> None:
        """Go to the next one that was found, or the one before."""


class StormlogApp(App[None]):
    """The application.

    Args:
        board: What is shown.
        interval_s: Seconds between two looks at the paths.
        ascii_only: Whether plots are drawn in ASCII.
    """

    TITLE = "Stormlog"
    ENABLE_COMMAND_PALETTE = False
    BINDINGS: ClassVar[list[BindingType]] = [
        *bindings("everywhere"),
        *(
            binding
            for binding in bindings("list")
            if binding.action in ("search", "next_match", "previous_match")
        ),
    ]
    DEFAULT_CSS = """
    StormlogApp > Screen { layout: vertical; }
    #title { height: 1; background: $panel; padding: 0 1; }
    #views { height: 1fr; }
    #said { height: auto; max-height: 4; padding: 0 1; display: none; }
    #hints { height: 1; padding: 0 1; color: $text-muted; background: $panel; }
    .-few-lines #title, .-few-lines #hints, .-few-lines #filter, .-few-lines #place { display: none; }
    .-few-lines #said { max-height: 1; }
    #prompt { height: 1; display: none; }
    #prompt Label { width: auto; padding: 0 0 0 1; text-style: bold; }
    #prompt Input, #prompt Input:focus { border: none; height: 1; width: 1fr; padding: 0; background: $panel; }
    """

    def __init__(self, board: Board, *, interval_s: float, ascii_only: bool = False) -> None:
        super().__init__()
        # With few lines nothing is shown around a list, or around the fields of a question.
        self.VERTICAL_BREAKPOINTS = [(0, "-few-lines"), (8, "-lines")]
        self.board = board
        self.ascii_only = ascii_only
        self.background: Background[Any] = Background(self, board)
        self._interval_s = interval_s
        self._looked = ""
        self._warnings: list[str] = []
        self._prompt = ":"
        # Kept: the last lines are drawn while the screen is taken down.
        self._title = Static("", id="title")
        self._said = Static("", id="said")
        self._hints = Static("", id="hints")
        #: How far reading is, with a blank behind it; '' while nothing is read.
        self.progress = ""
        self._last_failure = ""
        # A list that takes long is read again less often.
        self._began = self._not_before = 0.0

    # ---- the screen ----------------------------------------------------------------------------------------

    def compose(self) -> ComposeResult:
        """Make the widgets."""
        yield self._title
        with ContentSwitcher(initial="issues", id="views"):
            yield IssuesView()
            yield RunsView()
            yield SqlView()
        yield self._said
        with Horizontal(id="prompt"):
            yield Label(":")
            yield Input(id="command")
        yield self._hints

    def on_mount(self) -> None:
        """Begin to look."""
        self.set_interval(self._interval_s, self._look)
        self._show_hints()
        self.set_interval(_PROGRESS_S, self._show_progress)
        self.show_title()

    def _show_hints(self) -> None:
        """Name the most used keys of the view."""
        text = Text(no_wrap=True, overflow="ellipsis")
        for key, word in hints(str(self.screen_stack[0].query_one("#views", ContentSwitcher).current)):
            text.append(f"{key} ", "bold")
            text.append(f"{word} ")
        self._hints.update(text, layout=False)

    def on_resize(self) -> None:
        """Fit the line at the top."""
        self.call_after_refresh(self.show_title)

    @property
    def view(self) -> View:
        """The view that is shown."""
        switcher = self.screen_stack[0].query_one("#views", ContentSwitcher)
        return cast(View, switcher.visible_content)

    def on_answered(self, event: Answered) -> None:
        """Hand an answer to whoever asked."""
        # While the application ends, its views go one by one.
        if self.is_running:
            event.deliver()

    def show_title(self) -> None:
        """Draw the line at the top: the views, what this one shows, and when that was looked at."""
        if not self.is_mounted_ready:
            return
        switcher = self.screen_stack[0].query_one("#views", ContentSwitcher)
        text = Text(no_wrap=True, overflow="ellipsis")
        for name, label in _NAMES.items():
            text.append(f" {label} ", "bold reverse" if name == switcher.current else "")
        text.append(f"  {shortened(self.view.title(), max(self.size.width - 30, 8))}")
        right = [self._looked] if self._looked else []
        if self._warnings:
            right.insert(0, f":warnings ({len(self._warnings):,})")
        if self.board.place is not None:
            right.insert(0, shortened(self.board.place.path.rpartition("/")[2], 24))
        end = "  ".join(right)
        gap = self.size.width - 2 - text.cell_len - cell_width(end)
        if gap > 1:
            text.append(" " * gap + end, "dim")
        self._title.update(text, layout=False)

    @property
    def is_mounted_ready(self) -> bool:
        """Whether the widgets are there."""
        return bool(self.screen_stack) and bool(self.screen_stack[0].query("#views"))

    def _show_progress(self) -> None:
        """Say how far reading is."""
        found = self.board.store.progress() if self.background.is_busy("issues") else None
        said = (
            ""
            if found is None or not found.bytes_total
            else f"{found.bytes_read * 100 // found.bytes_total} % "
        )
        if said != self.progress:
            self.progress = said
            self.show_title()

    # ---- what is said --------------------------------------------------------------------------------------

    def say(
        self,
        sentence: str,
        *,
        command: str | None = None,
        note: str = "does the same",
        warnings: tuple[str, ...] = (),
        is_problem: bool = False,
    ) -> None:
        """Say something at the bottom.

        Args:
            sentence: What.
            command: A command line that does the same.
            note: What the command does.
            warnings: What to think about.
            is_problem: Whether something did not work.
        """
        text = plain(shortened(sentence, 600), "bold red" if is_problem else "bold")
        for warning in warnings:
            text.append_text(plain(f"\n{shortened(warning, 300)}", "yellow"))
        if command is not None:
            text.append_text(plain(f"\n$ {printable(command)}", "cyan"))
            text.append_text(plain(f"  {note}" if note and not is_problem else "", "dim"))
        self._show_said(text)

    def hush(self, sentence: str | None = None) -> None:
        """Take away what was said.

        Args:
            sentence: Only this; by default whatever it is.
        """
        if sentence is None or sentence == str(self._said.content):
            self._show_said(Text(""))

    def _show_said(self, text: Text) -> None:
        self._said.update(text)
        self._said.display = bool(text)

    def fail(self, error: Exception) -> None:
        """Say why something did not work."""
        self.say(self.sentence_of(error), is_problem=True)

    def sentence_of(self, error: Exception) -> str:
        """Return an error as a sentence on one line."""
        message = printable(" ".join(str(error).split()))
        if isinstance(error, QueryError):
            return message.removeprefix("sql: ")
        if isinstance(error, (StormlogError, ValueError, OSError)):
            return message
        return f"internal error: {type(error).__name__}: {message}"

    # ---- looking at the files ------------------------------------------------------------------------------

    def _look(self) -> None:
        """Look whether anything changed; what is being read already is not read a second time."""
        if any(self.background.is_busy(group) for group in ("look", "issues", "runs", "action")):
            return
        if time.monotonic() < self._not_before:
            return
        self.background.ask("look", self.board.look, self._seen, self._not_seen)

    def _seen(self, has_changed: bool) -> None:
        # What failed before works now.
        self.hush(self._last_failure)
        self._last_failure = ""
        if has_changed:
            self._began = time.monotonic()
            self._read_views()

    def _not_seen(self, error: Exception) -> None:
        # Said once: the next look fails in the same way.
        sentence = self.sentence_of(error)
        if sentence != self._last_failure:
            self._last_failure = sentence
            self.fail(error)

    def _read_views(self) -> None:
        for name in ("issues", "runs"):
            view = cast(View, self.screen_stack[0].query_one(f"#{name}"))
            if name == "issues" or view is self.view:
                view.read()

    def looked(self) -> None:
        """Note that something was read now, and what had to be skipped for it."""
        if self._began:
            now = time.monotonic()
            self._not_before, self._began = now + _PAUSES * (now - self._began), 0.0
        self._looked = f"{time.strftime('%H:%M:%S', time.gmtime())} UTC"

        def done(warnings: list[str]) -> None:
            self._warnings = warnings
            self.show_title()

        self.background.ask("warnings", self.board.warnings, done, lambda _: None)
        self.show_title()

    # ---- keys ----------------------------------------------------------------------------------------------

    def action_show(self, name: str) -> None:
        """Show a view."""
        self.hush()
        self.screen_stack[0].query_one("#views", ContentSwitcher).current = name
        self.view.focus_view()
        self._show_hints()
        self.show_title()

    def action_refresh_now(self) -> None:
        """Look at the files and read them again."""
        if isinstance(self.view, SqlView):
            self.view.read()
            return

        def done(_: bool) -> None:
            self._read_views()

        self.hush()
        self.background.ask("look", self.board.look, done, self.fail)

    def action_help(self) -> None:
        """Show the keys."""
        lines = help_lines()
        width = max(len(keys) for keys, meaning in lines if meaning)
        text = Text()
        for keys, meaning in lines:
            if not meaning:
                text.append(f"{chr(10) if text else ''}{keys}\n", "bold")
            else:
                text.append(f"  {keys:<{width}}  {meaning}\n")
        text.append(f"\nCommands behind :\n  {', '.join((*_COMMANDS, *ACTIONS))}\n")
        self.push_screen(Read("Keys", text))

    def action_leave(self) -> None:
        """Stop everything, and leave."""
        self.board.close()
        self.exit()

    async def action_quit(self) -> None:
        """Leave."""
        self.action_leave()

    def action_search(self) -> None:
        """Ask what to look for."""
        self._ask_prompt("/")

    def action_command(self) -> None:
        """Ask for a command."""
        self._ask_prompt(":")

    def action_next_match(self) -> None:
        """Go to the next one that was found."""
        self.view.next_match(1)

    def action_previous_match(self) -> None:
        """Go to the one before."""
        self.view.next_match(-1)

    def _ask_prompt(self, prompt: str) -> None:
        self._prompt = prompt
        self.query_one("#prompt Label", Label).update(prompt)
        field = self.query_one("#command", Input)
        field.value = ""
        self.query_one("#prompt").display = True
        field.focus()

    def close_prompt(self) -> None:
        """Give the keys back to the view."""
        self.query_one("#prompt").display = False
        self.view.focus_view()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Look for what was typed, or run it."""
        text = event.value.strip()
        self.close_prompt()
        if self._prompt == "/":
            self.view.search(text)
            return
        try:
            self.run_command(text)
        except ValueError as error:
            self.fail(error)

    def on_key(self, event: Any) -> None:
        """Close the prompt with Esc."""
        if event.key == "escape" and self.query("#prompt") and self.query_one("#command").has_focus:
            event.stop()
            self.close_prompt()

    def run_command(self, text: str) -> None:
        """Run what was typed behind a colon.

        Raises:
            ValueError: there is no such command, or it cannot do that.
        """
        word, _, rest = text.lstrip(":").strip().partition(" ")
        name, issues = word.lower(), self.screen_stack[0].query_one(IssuesView)
        if not word:
            return
        if name in ACTIONS:
            self.action_show("issues")
            issues.action_act(name)
        elif name in ("issues", "runs"):
            self.action_show(name)
        elif name == "sql":
            self.action_show("sql")
            if rest:
                self.screen_stack[0].query_one(SqlView).run_text(rest)
        elif name in _STATEMENTS:
            self.action_show("sql")
            self.screen_stack[0].query_one(SqlView).run_text(text)
        elif name == "filter":
            self.action_show("issues")
            issues.filter_by(rest)
        elif name == "sort":
            self.action_show("issues")
            issues.sort_by(rest)
        elif name == "tracker":
            self.action_show("issues")
            issues.action_tracker_only()
        elif name == "refresh":
            self.action_refresh_now()
        elif name == "warnings":
            self._show_warnings()
        elif name == "help":
            self.action_help()
        elif name in ("quit", "q"):
            self.action_leave()
        elif word.removeprefix("#").isdecimal():
            self.action_show("issues")
            issues.search(word)
        else:
            known = ", ".join((*_COMMANDS, *ACTIONS))
            raise ValueError(f"there is no command {printable(word[:40])!r}: choose from {known}")

    def _show_warnings(self) -> None:
        lines = [printable(line) for line in self._warnings[:_MOST_WARNINGS]]
        more = len(self._warnings) - len(lines)
        if more > 0:
            lines.append(f"and {more:,} more")
        self.push_screen(Read("What was skipped", plain("\n".join(lines) or "Nothing was skipped.")))

    def copy(self, text: str) -> None:
        """Put a text into the clipboard of the terminal, and say it where there is none."""
        self.copy_to_clipboard(text)
        self.say(f"Copied: {text}")
