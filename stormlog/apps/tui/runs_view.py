"""Runs and their sessions, with their memory and why they failed."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Final

from textual.app import ComposeResult

from stormlog.apps.tui.board import PAGE_ROWS, RunAccount
from stormlog.apps.tui.detail import DetailPane
from stormlog.apps.tui.lazy_table import Cell, LazyTable, TableColumn
from stormlog.apps.tui.lines import plain, styled
from stormlog.apps.tui.split_view import SplitView
from stormlog.presenting import (
    counted,
    human_bytes,
    human_count,
    human_time,
    memory_strips,
    screen,
    short_ranges,
)
from stormlog.presenting.quantities import human_duration
from stormlog.query import RunRow

if TYPE_CHECKING:
    from stormlog.apps.tui.app import StormlogApp
    from stormlog.query import SessionRow

__all__ = ["RunsView"]

_RUN_COLUMNS: Final = (
    TableColumn("name", "Run", 16, 0, is_text=True),
    TableColumn("title", "Title", 12, 6, is_text=True),
    TableColumn("started", "Started (UTC)", 19, 1),
    TableColumn("lasted", "Lasted", 10, 5),
    TableColumn("sessions", "Sessions", 8, 4, is_amount=True),
    TableColumn("ranks", "Ranks", 8, 3),
    TableColumn("peak", "Peak", 9, 2, is_amount=True),
)
_SESSION_COLUMNS: Final = (
    TableColumn("rank", "Rank", 5, 1, is_amount=True),
    TableColumn("name", "Session", 12, 0, is_text=True),
    TableColumn("status", "Status", 11, 2),
    TableColumn("host", "Host", 10, 6),
    TableColumn("started", "Started (UTC)", 19, 5),
    TableColumn("events", "Events", 8, 4, is_amount=True),
    TableColumn("peak", "Peak", 9, 3, is_amount=True),
)
_STATUSES: Final = {"completed": "good", "running": "note", "interrupted": "warning", "incomplete": "warning"}


class RunsView(SplitView):
    """The second view."""

    app: StormlogApp

    def __init__(self) -> None:
        super().__init__(id="runs")
        self._run_id: str | None = None
        self._search: str | None = None
        self._pages: dict[int, Sequence[RunRow | SessionRow]] = {}
        self._asked: set[int] = set()
        self._peaks: dict[str, int] = {}
        self._account: RunAccount | None = None
        self._shown_for: str | None = None
        self._run_cursor = 0
        self._was_read = False

    def compose(self) -> ComposeResult:
        """Make the widgets."""
        table = LazyTable(_RUN_COLUMNS, self._cells, empty="reading ...")
        table.add_class("list")
        yield table
        yield DetailPane()

    def focus_view(self) -> None:
        """Let keys go to the list, which is read when it is first looked at."""
        super().focus_view()
        if not self._was_read:
            self.read()

    def read(self) -> None:
        """Read the list again; the cursor stays where it is."""
        self._was_read = True
        board, run_id, search = self.app.board, self._run_id, self._search
        page = self.table.cursor // PAGE_ROWS

        def work() -> tuple[int, Sequence[RunRow | SessionRow], dict[str, int]]:
            count = board.count_runs(search) if run_id is None else board.count_sessions(run_id)
            rows = board.runs(search, page + 1) if run_id is None else board.sessions(run_id, page + 1)
            return count, rows, board.peaks()

        def done(found: tuple[int, Sequence[RunRow | SessionRow], dict[str, int]]) -> None:
            count, rows, self._peaks = found
            self._pages, self._asked = {page: rows}, set()
            self._shown_for = None
            self.table.empty = "no run has this text: Esc lists all" if search else "no runs were found"
            self.table.show_rows(count, self.table.cursor)
            self.app.show_title()
            self.app.looked()

        self.app.background.ask("runs", work, done, self.app.fail)

    def _row_at(self, place: int) -> RunRow | SessionRow | None:
        page = self._pages.get(place // PAGE_ROWS, ())
        return page[place % PAGE_ROWS] if place % PAGE_ROWS < len(page) else None

    def _ask_page(self, number: int) -> None:
        if number in self._asked:
            return
        self._asked.add(number)
        board, run_id, search, pages = self.app.board, self._run_id, self._search, self._pages

        def work() -> Sequence[RunRow | SessionRow]:
            return board.runs(search, number + 1) if run_id is None else board.sessions(run_id, number + 1)

        def done(rows: Sequence[RunRow | SessionRow]) -> None:
            pages[number] = rows
            if pages is self._pages:
                self.table.refresh()
                self.wait_for_rest()

        self.app.background.ask(f"runs {number}", work, done, self.app.fail)

    def _cells(self, place: int) -> Mapping[str, Cell] | None:
        row = self._row_at(place)
        if row is None:
            self._ask_page(place // PAGE_ROWS)
            return None
        started = row.started_at_ns
        shown = {"started": Cell("-" if started is None else human_time(started))}
        if isinstance(row, RunRow):
            return {**shown, **self._run_cells(row)}
        return {**shown, **self._session_cells(row)}

    def _run_cells(self, row: RunRow) -> Mapping[str, Cell]:
        peaks = [self._peaks[session] for session in row.sessions if session in self._peaks]
        lasted = "-"
        if row.started_at_ns is not None:
            end = row.ended_at_ns
            lasted = "runs" if end is None else human_duration(max(end - row.started_at_ns, 0))
        return {
            "name": Cell(row.run_id),
            "title": Cell(row.title or ""),
            "lasted": Cell(lasted, "note" if lasted == "runs" else ""),
            "sessions": Cell(human_count(row.session_count)),
            "ranks": Cell(short_ranges(row.ranks) or "-"),
            "peak": Cell(human_bytes(max(peaks)) if peaks else "-"),
        }

    def _session_cells(self, row: SessionRow) -> Mapping[str, Cell]:
        peak = self._peaks.get(row.session_id)
        return {
            "rank": Cell(str(row.rank)),
            "name": Cell(row.session_id),
            "status": Cell(row.status, _STATUSES.get(row.status, "")),
            "host": Cell(row.host),
            "events": Cell("-" if row.event_count is None else human_count(row.event_count)),
            "peak": Cell("-" if peak is None else human_bytes(peak)),
        }

    def title(self) -> str:
        """Return what is listed."""
        if self._run_id is not None:
            return f"{counted(self.table.row_count, 'session')} of {self._run_id}"
        found = "" if self._search is None else f" with {self._search!r}"
        return f"{counted(self.table.row_count, 'run')}{found}"

    # ---- the account ---------------------------------------------------------------------------------------

    def fill_pane(self) -> None:
        """Read why the run under the cursor failed."""
        row = self._row_at(self.table.cursor) if self.table.row_count else None
        if row is None:
            if not self.table.row_count:
                self._account, self._shown_for = None, None
                self.app.background.forget("account")
                self.pane.say("")
            return
        name: str = row.run_id if isinstance(row, RunRow) else row.session_id
        if name == self._shown_for:
            return
        board, run_id = self.app.board, self._run_id

        def work() -> RunAccount:
            return board.account(name) if run_id is None else board.account(run_id, name)

        def done(account: RunAccount) -> None:
            self._account, self._shown_for = account, name
            self.draw_pane()

        def fail(error: Exception) -> None:
            self._account, self._shown_for = None, None
            self.pane.say(self.app.sentence_of(error))

        self.app.background.ask("account", work, done, fail)

    def draw_pane(self) -> None:
        """Lay the account out."""
        if self._account is None:
            return
        width, ascii_only = self.pane.room, self.app.ascii_only
        text = styled(
            screen(self._account.explanation, width=width, ascii_only=ascii_only, now_ns=time.time_ns())
        )
        strips = memory_strips(self._account.history, width=width, ascii_only=ascii_only)
        if strips:
            text.append_text(plain("\n\nMemory\n", "bold"))
            text.append_text(plain("\n".join(strips)))
        self.pane.show(self._shown_for, text)

    def on_detail_pane_entered(self, event: DetailPane.Entered) -> None:
        """Nothing is behind the account."""
        event.stop()

    # ---- keys ----------------------------------------------------------------------------------------------

    def on_lazy_table_entered(self, event: LazyTable.Entered) -> None:
        """Go from a run to its sessions, from a session to its account."""
        event.stop()
        row = self._row_at(self.table.cursor)
        if row is None:
            return
        if isinstance(row, RunRow):
            self._run_cursor = self.table.cursor
            self._go(row.run_id, 0, _SESSION_COLUMNS)
            return
        self.go_into_pane()

    def on_lazy_table_left(self, event: LazyTable.Left) -> None:
        """Go from the sessions back to their run, then let go of the search."""
        event.stop()
        if self._run_id is not None:
            self._go(None, self._run_cursor, _RUN_COLUMNS)
        elif self._search is not None:
            self._search = None
            self.read()
        else:
            self.app.hush()

    def _go(self, run_id: str | None, cursor: int, columns: Sequence[TableColumn]) -> None:
        self._run_id = run_id
        self._pages, self._asked = {}, set()
        self.table.empty = "reading ..."
        self.table.show_columns(columns)
        self.table.show_rows(0)
        self.table.cursor = cursor
        self.read()

    def search(self, text: str) -> None:
        """List the runs with a text."""
        self._search = text.strip() or None
        self._run_cursor = 0
        self._go(None, 0, _RUN_COLUMNS)

    def next_match(self, step: int) -> None:
        """Every run that is listed has the text."""
        self.table.move_to(self.table.cursor + step)
