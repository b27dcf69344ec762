"""Statements over the views: typed with completion, guarded as ``stormlog sql`` guards them, answered as a table."""

from __future__ import annotations

import json
from itertools import islice
from typing import TYPE_CHECKING, Any, ClassVar, Final

import pyarrow
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Container, Vertical
from textual.events import Key
from textual.message import Message
from textual.widgets import Static, TextArea
from textual_fastdatatable import ArrowBackend, DataTable

from stormlog._names import distinct_names
from stormlog.apps.tui.lines import plain
from stormlog.errors import QueryError
from stormlog.presenting import printable
from stormlog.presenting.texts import shortened
from stormlog.query.completion import Vocabulary, common_start, completions, ends_statement, vocabulary_of

if TYPE_CHECKING:
    from stormlog.apps.tui.app import StormlogApp

__all__ = ["SqlView"]

#: Rows, columns and characters of a value that are shown.
_MOST_ROWS: Final = 1_000
_MOST_COLUMNS: Final = 200
_MOST_CHARACTERS: Final = 200
_MOST_NAMES: Final = 40
_EXAMPLE: Final = "SELECT kind, severity, hit_count, title FROM issues ORDER BY fingerprint_id"


class Statement(TextArea):
    """The field in which a statement is typed."""

    class Run(Message):
        """The statement is to be run."""

    class Complete(Message):
        """The word before the cursor is to be completed."""

    async def _on_key(self, event: Key) -> None:
        if event.key == "tab":
            event.prevent_default().stop()
            self.post_message(self.Complete())
            return
        if event.key == "enter" and ("\n" not in self.text or ends_statement(self.text)):
            event.prevent_default().stop()
            self.post_message(self.Run())
            return
        await super()._on_key(event)

    @property
    def before_cursor(self) -> str:
        """The text up to the cursor."""
        return self.get_text_range((0, 0), self.cursor_location)


class SqlView(Container):
    """The third view."""

    app: StormlogApp
    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "back", show=False)]
    DEFAULT_CSS = """
    SqlView { layout: vertical; }
    SqlView Statement, SqlView Statement:focus { height: 5; max-height: 40%; border: none; padding: 0 1; }
    SqlView #note { height: auto; max-height: 4; padding: 0 1; color: $text-muted; }
    SqlView #rows { height: 1fr; }
    SqlView DataTable { height: 1fr; }
    """

    def __init__(self) -> None:
        super().__init__(id="sql")
        self._vocabulary: Vocabulary | None = None
        self._row_count: int | None = None

    def compose(self) -> ComposeResult:
        """Make the widgets."""
        statement = Statement(_EXAMPLE, soft_wrap=True, tab_behavior="focus")
        statement.highlight_cursor_line = False
        yield statement
        yield Static("", id="note")
        yield Vertical(id="rows")

    @property
    def statement(self) -> Statement:
        """The field."""
        return self.query_one(Statement)

    def focus_view(self) -> None:
        """Let keys go to the statement; what is typed takes the place of the example."""
        self.statement.focus()
        if self.statement.text == _EXAMPLE:
            self.statement.select_all()
        if self._vocabulary is None:
            store = self.app.board.store

            def done(vocabulary: Vocabulary) -> None:
                self._vocabulary = vocabulary

            self.app.background.ask("vocabulary", lambda: vocabulary_of(store), done, self.app.fail)
        if self._row_count is None and not self.app.background.is_busy("sql"):
            self._say("Enter runs it, Tab completes, Esc goes back")

    def run_text(self, text: str) -> None:
        """Run a statement."""
        self.statement.text = text
        self.statement.move_cursor(self.statement.document.end)
        self.read()

    def read(self) -> None:
        """Run the statement that is typed."""
        text = self.statement.text
        if not text.strip("; \n\t"):
            return
        store = self.app.board.store
        self._say("running ... Esc stops it")

        def work() -> tuple[pyarrow.Table, bool]:
            with store.iter_sql(text) as rows:
                names = distinct_names(rows.columns)[:_MOST_COLUMNS]
                found = list(islice(rows, _MOST_ROWS + 1))
            columns = [
                pyarrow.array([_cell(row[number]) for row in found[:_MOST_ROWS]], pyarrow.string())
                for number in range(len(names))
            ]
            shown = [printable(name) or " " for name in names]
            return pyarrow.table(columns, names=distinct_names(shown)), len(found) > _MOST_ROWS

        async def show(table: pyarrow.Table) -> None:
            place = self.query_one("#rows", Vertical)
            await place.remove_children()
            if table.num_columns:
                widget = DataTable(
                    backend=ArrowBackend(table),
                    max_column_content_width=60,
                    zebra_stripes=False,
                    show_row_labels=False,
                    cursor_type="row",
                    render_markup=False,
                )
                await place.mount(widget)

        def done(found: tuple[pyarrow.Table, bool]) -> None:
            table, has_more = found
            self._row_count = table.num_rows
            rows = f"{table.num_rows:,} {'row' if table.num_rows == 1 else 'rows'}"
            self._say(f"the first {rows}; name fewer, or use 'stormlog sql' for all" if has_more else rows)
            self.app.call_later(show, table)
            self.app.show_title()
            self.app.looked()

        def fail(error: Exception) -> None:
            is_stopped = isinstance(error, QueryError) and str(error).endswith("interrupted")
            self._say("stopped" if is_stopped else self.app.sentence_of(error), is_problem=not is_stopped)

        self.app.background.ask("sql", work, done, fail)

    def _say(self, text: str, *, is_problem: bool = False) -> None:
        self.query_one("#note", Static).update(plain(shortened(text, 600), "bold red" if is_problem else ""))

    def title(self) -> str:
        """Return what is shown."""
        return "SQL" if self._row_count is None else f"{self._row_count:,} rows"

    # ---- keys ----------------------------------------------------------------------------------------------

    def on_statement_run(self, event: Statement.Run) -> None:
        """Run the statement."""
        event.stop()
        self.read()

    def on_statement_complete(self, event: Statement.Complete) -> None:
        """Complete the word before the cursor as far as it is clear, and show what it could be."""
        event.stop()
        if self._vocabulary is None:
            self._say("the names are being read")
            return
        names, length = completions(self.statement.before_cursor, self._vocabulary)
        if not names:
            self._say("nothing begins so")
            return
        word = self.statement.before_cursor[len(self.statement.before_cursor) - length :]
        common = common_start(names)
        if len(common) > length or len(names) == 1:
            end = self.statement.cursor_location
            start = (end[0], end[1] - length)
            self.statement.replace(common, start, end)
            self.statement.move_cursor((start[0], start[1] + len(common)))
        if len(names) > 1:
            more = f" and {len(names) - _MOST_NAMES:,} more" if len(names) > _MOST_NAMES else ""
            self._say(
                f"{word}: {', '.join(names[:_MOST_NAMES])}{more}" if word else ", ".join(names[:_MOST_NAMES])
            )

    def action_back(self) -> None:
        """Stop what runs; else go from the rows to the statement, and from there to the issues."""
        if self.app.background.is_busy("sql"):
            self.app.board.store.interrupt()
        elif self.statement.has_focus:
            self.app.action_show("issues")
        else:
            self.statement.focus()

    def search(self, text: str) -> None:
        """Statements say themselves what they look for."""
        self.app.say(f"write it in the statement: WHERE contains(title, '{text}')")

    def next_match(self, _: int) -> None:
        """Likewise."""


def _cell(value: Any) -> str:
    """Return any value on one line: ``-`` for null, JSON for lists and structures."""
    if value is None:
        return "-"
    if isinstance(value, (list, tuple, dict)):
        value = json.dumps(value, default=str)
    return shortened(str(value), _MOST_CHARACTERS)
