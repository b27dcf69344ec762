"""What the application shows and does, without a screen: the store, the tracker, and questions that take their time.

Every method may be called from any thread. A tracker is opened for each question, so that one that was moved or
replaced meanwhile is noticed.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext, suppress
from typing import TYPE_CHECKING, Any

from stormlog._values import frozen_class
from stormlog.errors import LifecycleError, SourceError
from stormlog.query import IssueFilter, RunFilter, SessionFilter
from stormlog.workflows import TriageList, list_with_tracker

if TYPE_CHECKING:
    from stormlog.explaining import EvidencePlace, Explanation, MemoryHistory
    from stormlog.presenting import ShownIssue
    from stormlog.query import (
        IssuePageFacts,
        IssueRow,
        IssueTable,
        QueryStore,
        RunRow,
        SessionRow,
    )
    from stormlog.tracking import TrackedIssue, Tracker
    from stormlog.workflows import Action, ActionDone

__all__ = ["Board", "BoardRow", "PlaceOfTracker", "RunAccount"]

#: Digits of a fingerprint that name one.
_SHORTEST_FINGERPRINT = 6
#: Rows of runs and sessions that are read at once.
PAGE_ROWS = 100


@frozen_class
class PlaceOfTracker:
    """A tracker, and what the user may do there.

    Args:
        path: The file.
        project: Name of the project.
        permissions: See `stormlog.tracking.TrackerSession`.
    """

    path: str
    project: str
    permissions: tuple[str, ...]


@frozen_class
class BoardRow:
    """An issue of the list.

    Args:
        row: What telemetry says.
        facts: What was counted for the page.
        tracked: What the tracker knows; None for what it does not know, or without one.
    """

    row: IssueRow
    facts: IssuePageFacts | None
    tracked: TrackedIssue | None

    @property
    def counts(self) -> tuple[int | None, int | None, int | None]:
        """Failures, runs, and when it was seen last; a tracker says so where a fingerprint is not the whole issue."""
        if self.tracked is not None and not self.row.is_exact:
            return self.tracked.failure_count, self.tracked.run_count, self.tracked.last_seen_ns
        if self.facts is None:
            return None, None, self.row.last_seen_ns
        return self.facts.failure_count, self.facts.run_count, self.row.last_seen_ns

    @property
    def is_dev(self) -> bool:
        """Whether it is of development."""
        if self.tracked is not None:
            return self.tracked.is_dev
        return self.facts is not None and self.facts.is_dev


@frozen_class
class RunAccount:
    """Why a run failed, and how its memory went."""

    explanation: Explanation
    history: MemoryHistory


class Board:
    """What lies under some paths, and the tracker beside it.

    Args:
        store: What was opened.
        paths: As the user named them.
        tracker: Where issues are tracked; None for nowhere.
        is_quiet: Whether nothing is said of what had to be skipped.
    """

    def __init__(
        self,
        store: QueryStore,
        paths: Sequence[str],
        tracker: PlaceOfTracker | None = None,
        *,
        is_quiet: bool = False,
    ) -> None:
        self._is_quiet = is_quiet
        self.store = store
        self.paths = list(paths)
        self.place = tracker
        self.is_closed = False
        self._seen_tracker = self._state_of_tracker()

    def close(self) -> None:
        """Stop what runs, and let go of everything; more than once is fine."""
        if not self.is_closed:
            self.is_closed = True
            self.store.close()

    # ---- looking -------------------------------------------------------------------------------------------

    def look(self) -> bool:
        """Look at the paths and the tracker again, and return whether anything changed."""
        has_changed = self.store.refresh(may_be_gone=True)
        seen, self._seen_tracker = self._seen_tracker, self._state_of_tracker()
        return has_changed or seen != self._seen_tracker

    def warnings(self) -> list[str]:
        """Return what had to be skipped, a line for each file."""
        from stormlog.presenting import counted

        if self._is_quiet:
            return []
        skipped = [
            f"{path}: {counted(count, 'line')} skipped; :sql FROM rejects shows them"
            for path, count in self.store.rejects_summary()
        ]
        warnings = [warning for warning in self.store.catalog.warnings if not warning.is_note]
        return skipped + [f"{warning.path}: {warning.message}" for warning in warnings]

    def _state_of_tracker(self) -> tuple[Any, ...]:
        if self.place is None:
            return ()
        found: list[Any] = []
        # What was written last may still be in the log beside the file.
        for path in (self.place.path, f"{self.place.path}-wal"):
            try:
                state = os.stat(path)
                found.append((state.st_dev, state.st_ino, state.st_size, state.st_mtime_ns))
            except OSError:
                found.append(None)
        return tuple(found)

    def issues(self, fields: Mapping[str, Any], *, shows_tracker_only: bool = False) -> TriageList:
        """Return the issues that fit the fields of a filter.

        With a tracker a row is one of its issues, or a fingerprint that none has yet, and states are those of the
        tracker.

        Args:
            fields: Of the filter.
            shows_tracker_only: Whether issues of the tracker without evidence below the paths are listed too.

        Raises:
            ValueError: a bad value.
        """
        if self.place is None:
            return TriageList(self.store.issue_table(IssueFilter(**fields)))
        with self.tracker(read_only=True) as tracker:
            return list_with_tracker(self.store, tracker, fields, shows_tracker_only=shows_tracker_only)

    def require_filter(self, fields: Mapping[str, Any]) -> None:
        """Refuse a filter with a bad value, before anything is read.

        Raises:
            ValueError: it has one.
        """
        from stormlog.workflows import require_filter

        require_filter(fields, is_tracked=self.place is not None)

    def statement(self, fields: Mapping[str, Any]) -> str:
        """Return the statement of the list, as ``--sql`` prints it; states of a tracker are added to its rows."""
        from stormlog.presenting.statement_texts import statement_text
        from stormlog.workflows import without_states

        shown = fields if self.place is None else without_states(fields)
        return statement_text(*self.store.list_issues_sql(IssueFilter(**shown)))

    def page(self, issues: IssueTable, start: int, stop: int) -> list[BoardRow]:
        """Return some rows of a list."""
        return self._decorated(issues.rows(start, stop))

    def rows_of(self, issues: IssueTable, keys: Sequence[str]) -> list[BoardRow]:
        """Return some rows by their keys; those that are not in the list are left out."""
        return self._decorated(issues.rows_of(keys)) if keys else []

    def _decorated(self, rows: Sequence[IssueRow]) -> list[BoardRow]:
        facts = self.store.issue_page_facts([row.fingerprint_id for row in rows])
        tracked: dict[str, TrackedIssue] = {}
        ids = [row.issue_id for row in rows if row.issue_id is not None]
        if ids:
            with self.tracker(read_only=True) as tracker:
                tracked = tracker.issues_by_id(ids)
        return [BoardRow(row, facts.get(row.fingerprint_id), tracked.get(row.issue_id or "")) for row in rows]

    def matches(self, issues: IssueTable, fields: Mapping[str, Any], text: str) -> list[int]:
        """Return the places of the issues with a text, or of the one that a number or a fingerprint names.

        Raises:
            ValueError: the number is that of an issue which the list does not have.
        """
        word = text.strip().removeprefix("#")
        named = None
        if word.isdecimal() and self.place is not None:
            with suppress(LifecycleError), self.tracker(read_only=True) as tracker:
                named = tracker.issue(word).issue.issue_id
        elif len(word.removeprefix("issue:")) >= _SHORTEST_FINGERPRINT:
            named = f"issue:{word.removeprefix('issue:').lower()}"
        place = None if named is None else issues.place_of(named)
        if place is not None:
            return [place]
        if named is not None and word.isdecimal():
            raise ValueError(
                f"issue #{word} is not in the list: the filter leaves it out, or no evidence of it lies below the "
                "paths (t lists what only the tracker has)"
            )
        searched = {name: value for name, value in fields.items() if name != "sort"}
        if "search" in searched:
            # One text is asked for already: both have to be there.
            return sorted(self._places(issues, searched) & self._places(issues, {"search": text}))
        return sorted(self._places(issues, {**searched, "search": text}))

    def _places(self, issues: IssueTable, fields: Mapping[str, Any]) -> set[int]:
        return set(issues.places_of(self.issues(fields, shows_tracker_only=True).issues))

    def detail(self, row: BoardRow, *, with_rule: bool = False) -> ShownIssue:
        """Return everything that is known of an issue."""
        from stormlog.workflows import show_issue

        name = row.row.fingerprint_id if row.tracked is None else row.tracked.issue_id

        def show(tracker: Tracker | None) -> ShownIssue:
            return show_issue(
                name,
                self.paths,
                tracker=tracker,
                with_rule=with_rule,
                opening=lambda _: nullcontext(self.store),
            )

        if row.tracked is None:
            return show(None)
        with self.tracker(read_only=True) as tracker:
            return show(tracker)

    def evidence(self, row: BoardRow) -> list[EvidencePlace]:
        """Return where the evidence of an issue is recorded, the latest first."""
        ids = [row.row.fingerprint_id] if row.tracked is None else list(row.tracked.fingerprint_ids)
        return self.store.evidence_places(ids)

    # ---- runs ----------------------------------------------------------------------------------------------

    def runs(self, search: str | None, page: int) -> list[RunRow]:
        """Return a page of runs, from 1."""
        return self.store.list_runs(RunFilter(search=search, limit=PAGE_ROWS, page=page))

    def count_runs(self, search: str | None) -> int:
        """Return how many runs there are."""
        return self.store.count_rows(RunFilter(search=search))

    def sessions(self, run_id: str, page: int) -> list[SessionRow]:
        """Return a page of the sessions of a run, from 1."""
        return self.store.list_sessions(SessionFilter(run=run_id, sort="rank", limit=PAGE_ROWS, page=page))

    def count_sessions(self, run_id: str) -> int:
        """Return how many sessions a run has."""
        return self.store.count_rows(SessionFilter(run=run_id))

    def peaks(self) -> dict[str, int]:
        """Return the most memory that was used on a device, by session."""
        return {
            row.session_id: row.value
            for row in self.store.summarize("peak_device_used_bytes", group_by="session")
            if row.session_id is not None
        }

    def account(self, run_id: str, session_id: str | None = None) -> RunAccount:
        """Return why a run failed, and how its memory went."""
        named = {"run_id": run_id} if session_id is None else {"session_id": session_id}
        explanation = self.store.explain(**named)  # type: ignore[arg-type]
        history = self.store.memory_history(
            explanation.run.run_id, explanation.run.attempt, session_id=session_id
        )
        return RunAccount(explanation, history)

    # ---- doing ---------------------------------------------------------------------------------------------

    @contextmanager
    def tracker(self, *, read_only: bool = False) -> Iterator[Tracker]:
        """Open the tracker for one question or action.

        Raises:
            SourceError: there is none, or it is gone.
        """
        from stormlog.tracking import Tracker as TrackerFile

        if self.place is None:
            raise SourceError(self.without_tracker())
        if not os.path.exists(self.place.path):
            raise SourceError("the tracker is not there any more", path=self.place.path)
        with TrackerFile(
            self.place.path,
            project=self.place.project,
            permissions=self.place.permissions,
            read_only=read_only,
            make_folder=False,
        ) as tracker:
            yield tracker

    def without_tracker(self) -> str:
        """Return what to say where a tracker is needed and there is none."""
        return f"this needs a tracker: 'stormlog scan {self.named_paths()} --db FILE' makes one, then add --db FILE"

    def how_to_record(self) -> str:
        """Return the command that puts the issues of the paths into the tracker."""
        assert self.place is not None
        with self.tracker(read_only=True) as tracker:
            return f"stormlog scan {self.named_paths()}{tracker.command_options()}"

    def named_paths(self) -> str:
        """Return the paths as they are typed into a shell."""
        import shlex

        return shlex.join(self.paths)

    def perform(self, action: Action, revisions: Mapping[str, int]) -> tuple[ActionDone, str]:
        """Do something in the tracker, and return what was done and the command that does the same."""
        from stormlog.workflows import action_command, perform

        with self.tracker() as tracker:
            command = action_command(tracker, action)
            return perform(tracker, action, revisions), command

    def merged_numbers(self, row: BoardRow) -> list[int]:
        """Return the numbers of the issues that are merged into one."""
        assert row.tracked is not None
        with self.tracker(read_only=True) as tracker:
            return tracker.merged_numbers(row.tracked.issue_id)

    @property
    def sidecar(self) -> str:
        """The file in which issues are ignored where there is no tracker."""
        from stormlog.workflows import sidecar_path

        return sidecar_path(self.paths)

    def ignore_in_sidecar(self, rows: Sequence[BoardRow], reason: str | None) -> str:
        """Ignore issues without a tracker, and return what was done."""
        from stormlog.workflows import ignore_in_sidecar

        issues = [(row.row.fingerprint_id, row.row.kind, row.row.title) for row in rows]
        ignore_in_sidecar(self.sidecar, issues, reason)
        self.store.refresh(may_be_gone=True)
        return f"Ignored {_counted(len(rows))} in {self.sidecar}"

    def reopen_in_sidecar(self, rows: Sequence[BoardRow]) -> str:
        """Take that back, and return what was done."""
        from stormlog.workflows import reopen_in_sidecar

        reopen_in_sidecar(self.sidecar, [row.row.fingerprint_id for row in rows])
        self.store.refresh(may_be_gone=True)
        return f"Reopened {_counted(len(rows))} in {self.sidecar}"


def _counted(count: int) -> str:
    from stormlog.presenting import counted

    return counted(count, "issue")
