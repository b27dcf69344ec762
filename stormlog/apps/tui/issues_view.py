"""The list of issues with its filter, and the detail of the issue under the cursor."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Final

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Vertical
from textual.widgets import Input

from stormlog.apps.tui.actions import Actions
from stormlog.apps.tui.board import BoardRow
from stormlog.apps.tui.detail import DetailPane
from stormlog.apps.tui.evidence import EvidenceScreen
from stormlog.apps.tui.issue_columns import issue_cells, issue_columns
from stormlog.apps.tui.keys import bindings
from stormlog.apps.tui.lazy_table import Cell, LazyTable
from stormlog.apps.tui.lines import plain, styled
from stormlog.apps.tui.prompts import Choose, Read
from stormlog.apps.tui.split_view import SplitView
from stormlog.presenting import counted, human_count, issue_screen
from stormlog.query.filter_words import filter_text, parse_filter
from stormlog.tracking.statuses import SHOWN_STATUSES

if TYPE_CHECKING:
    from stormlog.apps.tui.app import StormlogApp
    from stormlog.explaining import EvidencePlace
    from stormlog.presenting import ShownIssue
    from stormlog.query import IssueTable
    from stormlog.workflows import TriageList

__all__ = ["IssuesView"]

#: Rows that are read at once: more than a screen has.
_PAGE: Final = 100
#: Values of a facet that are offered.
_MOST_VALUES: Final = 20
_NOT_FOUND: Final = "no issue of the list has {!r}"
_SORTS: Final = ("severity", "last_seen", "first_seen", "hits", "sessions")


class IssuesView(SplitView):
    """The first view."""

    app: StormlogApp
    BINDINGS: ClassVar[list[BindingType]] = [*bindings("issues", "action")]
    DEFAULT_CSS = """
    IssuesView.wide > .list { width: 52%; }
    IssuesView #filter, IssuesView #filter:focus { border: none; height: 1; padding: 0 1; background: $panel; }
    IssuesView #filter:focus { background: $primary-muted; }
    """

    def __init__(self) -> None:
        super().__init__(id="issues")
        self.fields: dict[str, Any] = {}
        self.issues: IssueTable | None = None
        #: Whether issues of the tracker without evidence below the paths are listed, and how many there are.
        self.shows_tracker_only = False
        self._tracker_only_count = 0
        self.selected: dict[str, BoardRow] = {}
        self.actions: Actions | None = None
        self._pages: dict[int, list[BoardRow]] = {}
        self._asked: set[int] = set()
        self._matches: list[int] = []
        self._sought = ""
        #: Why the list could not be read the last time that it could not.
        self._failure = ""
        self._shown: ShownIssue | None = None
        self._shown_for: str | None = None
        self._now_ns = time.time_ns()

    def compose(self) -> ComposeResult:
        """Make the widgets."""
        is_tracked = self.app.board.place is not None
        with Vertical(classes="list"):
            yield Input(id="filter", placeholder="filter: F types it, f chooses")
            yield LazyTable(
                issue_columns(is_tracked=is_tracked, has_states=is_tracked),
                self._cells,
                is_selected=self._is_selected,
                empty="reading ...",
            )
        yield DetailPane()

    def on_mount(self) -> None:
        """Read the list."""
        self.actions = Actions(self.app, self._read_again)
        self.table.focus()
        self.read()

    # ---- the list ------------------------------------------------------------------------------------------

    def read(self) -> None:
        """Read the list; the cursor stays on its issue."""
        fields = dict(self.fields)
        current, before = self._key_under_cursor(), self.table.cursor
        selected, shows_tracker_only = list(self.selected), self.shows_tracker_only

        def work() -> tuple[TriageList, list[BoardRow], list[BoardRow], int]:
            board = self.app.board
            listed = board.issues(fields, shows_tracker_only=shows_tracker_only)
            issues = listed.issues
            place = None if current is None else issues.place_of(current)
            cursor = min(before, max(len(issues) - 1, 0)) if place is None else place
            start = cursor // _PAGE * _PAGE
            # The rows that are seen first come with the list: nothing flickers.
            return listed, board.page(issues, start, start + _PAGE), board.rows_of(issues, selected), cursor

        def done(found: tuple[TriageList, list[BoardRow], list[BoardRow], int]) -> None:
            listed, rows, kept, cursor = found
            issues = self.issues = listed.issues
            self._tracker_only_count = listed.tracker_only_count
            newer = {row.row.key: row for row in kept}
            # What was selected meanwhile was seen as it is now.
            self.selected = {
                name: newer.get(name, row)
                for name, row in self.selected.items()
                if name in newer or name not in selected
            }
            self._pages = {cursor // _PAGE: rows}
            self._asked = set()
            self._matches = []
            self._now_ns = time.time_ns()
            if self._sought:
                self._seek(go=False)
            self.app.background.forget("page")
            self.table.empty = (
                "no issue fits: Esc lets go of the filter" if fields else "no issues were found"
            )
            states = {state for state, _ in issues.facets()["state"]}
            is_tracked = self.app.board.place is not None
            self.table.show_columns(issue_columns(is_tracked=is_tracked, has_states=bool(states - {"open"})))
            self.table.show_rows(len(issues), cursor)
            self.app.hush(self._failure)
            self.app.show_title()
            self.app.looked()

        def fail(error: Exception) -> None:
            self.table.empty = "see below"
            self.table.refresh()
            self._failure = self.app.sentence_of(error)
            self.app.fail(error)

        self.app.background.ask("issues", work, done, fail)

    def _read_again(self) -> None:
        """Read the list and the detail, after something was done."""
        self._shown_for = None
        self.read()

    def _cells(self, place: int) -> Mapping[str, Cell] | None:
        row = self.row_at(place)
        if row is None:
            self._ask_page(place // _PAGE)
            return None
        return issue_cells(row, now_ns=self._now_ns, ascii_only=self.app.ascii_only)

    def row_at(self, place: int) -> BoardRow | None:
        """Return a row, if its page was read."""
        page = self._pages.get(place // _PAGE)
        if page is None or place % _PAGE >= len(page):
            return None
        return page[place % _PAGE]

    def _ask_page(self, number: int) -> None:
        if number in self._asked or self.issues is None:
            return
        self._asked.add(number)
        issues = self.issues

        def done(rows: list[BoardRow]) -> None:
            if issues is self.issues:
                self._pages[number] = rows
                self.table.refresh()
                if self.table.cursor // _PAGE == number:
                    self.wait_for_rest()

        def fail(error: Exception) -> None:
            self._asked.discard(number)
            self.app.fail(error)

        # Pages of both ends of the screen may be on their way at once.
        self.app.background.ask(
            f"page {number}",
            lambda: self.app.board.page(issues, number * _PAGE, (number + 1) * _PAGE),
            done,
            fail,
        )

    def _key_under_cursor(self) -> str | None:
        if self.issues is None or not len(self.issues):
            return None
        found = self.issues.keys(self.table.cursor, self.table.cursor + 1)
        return found[0] if found else None

    @property
    def current(self) -> BoardRow | None:
        """The issue under the cursor, if it was read."""
        return self.row_at(self.table.cursor) if self.table.row_count else None

    def title(self) -> str:
        """Return what is listed."""
        if self.issues is None:
            return f"reading {self.app.progress}..."
        parts = [counted(len(self.issues), "issue")]
        if self.selected:
            parts.append(f"{len(self.selected):,} selected")
        if self._matches:
            parts.append(f"{len(self._matches):,} found")
        parts.append(f"by {str(self.fields.get('sort', _SORTS[0])).replace('_', ' ')}")
        if self._tracker_only_count:
            # Of rows that are not listed, why they are not.
            more = "of them" if self.shows_tracker_only else "t:"
            parts.append(f"{more} {self._tracker_only_count:,} only in the tracker")
        return ", ".join(parts)

    # ---- selection -----------------------------------------------------------------------------------------

    def _is_selected(self, place: int) -> bool:
        row = self.row_at(place)
        return row is not None and row.row.key in self.selected

    def action_select(self) -> None:
        """Select the row, or let go of it, and move on."""
        row = self.current
        if row is None:
            return
        if self.selected.pop(row.row.key, None) is None:
            self.selected[row.row.key] = row
        self.table.move_to(self.table.cursor + 1)
        self.table.refresh()
        self.app.show_title()

    def _let_go(self) -> None:
        self.selected.clear()
        self.table.refresh()
        self.app.show_title()

    # ---- the detail ----------------------------------------------------------------------------------------

    def fill_pane(self) -> None:
        """Read the detail of the issue under the cursor."""
        row = self.current
        if not self.table.row_count:
            self._shown, self._shown_for = None, None
            self.app.background.forget("detail")
            self.pane.say("")
        if row is None or row.row.key == self._shown_for:
            return
        self._shown_for = row.row.key
        if self._shown is None:
            self.pane.say("reading ...")

        def done(shown: ShownIssue) -> None:
            self._shown = shown
            self.draw_pane()

        def fail(error: Exception) -> None:
            self._shown, self._shown_for = None, None
            self.pane.say(self.app.sentence_of(error))

        self.app.background.ask("detail", lambda: self.app.board.detail(row), done, fail)

    def draw_pane(self) -> None:
        """Lay the detail out."""
        if self._shown is not None:
            lines = issue_screen(self._shown, width=self.pane.room, ascii_only=self.app.ascii_only)
            self.pane.show(self._shown_for, styled(lines))

    def on_detail_pane_entered(self, event: DetailPane.Entered) -> None:
        """Show the evidence."""
        event.stop()
        row = self.current
        if row is None:
            return

        def show(places: list[EvidencePlace]) -> None:
            self.app.push_screen(EvidenceScreen(row, places))

        self.app.background.ask("evidence", lambda: self.app.board.evidence(row), show, self.app.fail)

    def on_lazy_table_entered(self, event: LazyTable.Entered) -> None:
        """Go into the detail; where it is not beside the list, it takes the place of the list."""
        event.stop()
        self.go_into_pane()

    def action_to_list(self) -> None:
        """Go back from the detail and from the filter."""
        self.query_one("#filter", Input).value = filter_text(self.fields)
        super().action_to_list()

    def on_lazy_table_left(self, event: LazyTable.Left) -> None:
        """Let go of the selection, then of what was found, then of the filter."""
        event.stop()
        if self.selected:
            self._let_go()
        elif self._sought:
            self._sought, self._matches = "", []
            self.app.show_title()
        elif {name for name in self.fields if name != "sort"}:
            self.set_filter({name: value for name, value in self.fields.items() if name == "sort"})
        else:
            self.app.hush()

    # ---- filter, order, search -----------------------------------------------------------------------------

    def set_filter(self, fields: dict[str, Any]) -> None:
        """List the issues that fit the fields of a filter."""
        self.app.hush()
        self.fields = fields
        self.query_one("#filter", Input).value = filter_text(fields)
        self.read()

    def filter_by(self, text: str) -> None:
        """List the issues that a line asks for.

        Raises:
            ValueError: it asks for something that there is not.
        """
        fields = parse_filter(text)
        self.app.board.require_filter(fields)
        self.set_filter(fields)

    def action_filter(self) -> None:
        """Type the filter."""
        field = self.query_one("#filter", Input)
        if field.value:
            field.value += " "
        field.focus()
        field.cursor_position = len(field.value)

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Take the filter."""
        event.stop()
        try:
            self.filter_by(event.value)
        except ValueError as error:
            self.app.fail(error)
            return
        self.table.focus()

    def action_sort(self) -> None:
        """Take the next order."""
        place = _SORTS.index(self.fields.get("sort", _SORTS[0]))
        self.sort_by(_SORTS[(place + 1) % len(_SORTS)])

    def sort_by(self, order: str) -> None:
        """Take an order.

        Raises:
            ValueError: there is no such order.
        """
        word = order.strip().replace(" ", "_").replace("-", "_")
        if word not in _SORTS:
            raise ValueError(f"there is no order {order!r}: choose from {', '.join(_SORTS)}")
        others = {name: value for name, value in self.fields.items() if name != "sort"}
        # With another order the first rows are of interest, not where the issue went.
        self.table.cursor = 0
        self.issues = None
        self.set_filter(others if word == _SORTS[0] else {**others, "sort": word})

    def action_tracker_only(self) -> None:
        """List issues of the tracker without evidence below the paths too, or leave them out again."""
        if self.app.board.place is None:
            self.app.say(self.app.board.without_tracker(), is_problem=True)
            return
        self.app.hush()
        self.shows_tracker_only = not self.shows_tracker_only
        self.read()

    def action_facet(self) -> None:
        """Choose a value to narrow the list by."""
        if self.issues is None:
            return
        found: list[tuple[str, str, int | None]] = [
            (name, value, count)
            for name, values in self.issues.facets().items()
            for value, count in values[:_MOST_VALUES]
            if name != "state" or self.app.board.place is None
        ]
        if self.app.board.place is not None:
            # The list does not know them: they are those of the tracker.
            found += [("state", state, None) for state in SHOWN_STATUSES]

        def chosen(place: object) -> None:
            if isinstance(place, int):
                name, value, _ = found[place]
                self.set_filter({**self.fields, name: [value]})

        lines = [
            f"{name:<9} {value[:40]:<24} {'' if count is None else human_count(count):>9}"
            for name, value, count in found
        ]
        self.app.push_screen(Choose("Only issues with", lines), chosen)

    def search(self, text: str) -> None:
        """Look for a text, and go to the first row that has it."""
        if self.issues is None:
            self.app.say("the list is still being read")
            return
        self.app.hush()
        self._sought, self._matches = text.strip(), []
        if self._sought:
            self._seek(go=True)

    def _seek(self, *, go: bool) -> None:
        """Find the rows that have the text.

        Args:
            go: Whether to go to the first of them.
        """
        issues, fields, text = self.issues, dict(self.fields), self._sought
        assert issues is not None

        def done(places: list[int]) -> None:
            if issues is not self.issues or text != self._sought:
                return
            self._matches = places
            self.app.show_title()
            if go and not places:
                self.app.say(_NOT_FOUND.format(text), is_problem=True)
            elif go:
                behind = [place for place in places if place >= self.table.cursor]
                self.table.move_to((behind or places)[0])

        def fail(error: Exception) -> None:
            # What was found before and is not in the list any more was asked for once.
            if go:
                self.app.fail(error)

        self.app.background.ask("search", lambda: self.app.board.matches(issues, fields, text), done, fail)

    def next_match(self, step: int) -> None:
        """Go to the next row that was found, or to the one before."""
        if not self._matches:
            self.app.say(
                _NOT_FOUND.format(self._sought)
                if self._sought
                else "nothing was looked for: / looks for a text",
                is_problem=bool(self._sought),
            )
            return
        cursor = self.table.cursor
        if step > 0:
            found = next((place for place in self._matches if place > cursor), self._matches[0])
        else:
            found = next((place for place in reversed(self._matches) if place < cursor), self._matches[-1])
        self.table.move_to(found)

    # ---- the rest ------------------------------------------------------------------------------------------

    def action_copy(self) -> None:
        """Copy the id of the issue."""
        row = self.current
        if row is not None:
            name = row.row.fingerprint_id if row.tracked is None else str(row.tracked.number)
            self.app.copy(name)

    def action_copy_command(self) -> None:
        """Copy the command of the last action."""
        assert self.actions is not None
        if self.actions.command is None:
            self.app.say("nothing was done yet")
        else:
            self.app.copy(self.actions.command)

    def action_rule(self) -> None:
        """Show the SQL of the list, and the rule of the issue."""
        row = self.current
        board, fields = self.app.board, dict(self.fields)

        def work() -> Text:
            text = plain("The list\n\n", "bold")
            text.append_text(plain(f"{board.statement(fields)}\n"))
            if row is not None:
                shown = board.detail(row, with_rule=True)
                if shown.rule is not None:
                    rule = shown.rule
                    text.append_text(plain(f"\nRule {rule.name}, version {rule.version}\n\n", "bold"))
                    text.append_text(plain(f"Hit: {rule.hits}\nSame issue: {rule.grouping}\n"))
                    for statement in rule.sql:
                        text.append_text(plain(f"\n{statement.name}\n", "bold"))
                        text.append_text(plain(f"{statement.text}\n"))
            return text

        def show(text: Text) -> None:
            self.app.push_screen(Read("SQL", text))

        self.app.background.ask("rule", work, show, self.app.fail)

    def action_act(self, verb: str) -> None:
        """Do something with the selected issues, or the one under the cursor."""
        assert self.actions is not None
        current = self.current
        rows = list(self.selected.values()) or ([] if current is None else [current])
        self.actions.start(verb, rows, current)
