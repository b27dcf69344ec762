"""Questions of systems that watch: counts as metrics, records as log lines.

Promise: every method has an ``_sql`` twin that returns the exact text and parameters that it runs, apart from
`MetricQuestions.openmetrics`, which asks several.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from stormlog._paths import require_path
from stormlog.engine import Question, views_of
from stormlog.query import metric_statements, run_statements, statements
from stormlog.query.export_questions import ExportingStore
from stormlog.query.filter_checks import time_ns
from stormlog.query.statements import FilteredStatement, Statement

if TYPE_CHECKING:
    from collections.abc import Iterable

    from stormlog._opening import OpenedPaths
    from stormlog.exporting import FailureCount, IssueLabelCount, ScanCount, TrackedIssueCount
    from stormlog.query.filters import IssueFilter, Time
    from stormlog.query.streams import RowStream

__all__ = ["MetricQuestions"]

_TRACKING = "tracking tracking.issues tracking.projects tracking.scans"


class MetricQuestions(ExportingStore):
    """The part of `QueryStore` that answers systems that watch."""

    # ---- metrics -------------------------------------------------------------------------------------------

    def openmetrics(self, *, since: Time = None) -> str:
        """Return issues, failures, sessions, and what a tracker holds, as OpenMetrics text.

        Args:
            since: Leave out issues and failures that are older than this time; see `stormlog.query.parse_time`.

        Raises:
            ValueError: the time is none.
            QueryError: the store is closed, or DuckDB failed.
            SourceError: the store is strict and something had to be skipped.

        Source: docs/export.md#openmetrics.
        """
        from stormlog.exporting import MetricCounts, openmetrics_text
        from stormlog.query.filters import IssueFilter

        has_tracker = self._states.tracker is not None
        by_status, views = run_statements.summary_statement("session_count_by_status", "status", None)
        sessions = self._run("summarize", by_status, views).rows
        return openmetrics_text(
            MetricCounts(
                issues=self.count_issue_labels(IssueFilter(since=since)),
                failures=self.count_failures(since=since),
                sessions={status: count for *_, status, count in sessions},
                # Asked last: everything has been read by now.
                skipped_line_count=sum(count for _, count in self.rejects_summary()),
                tracked_issues=self.count_tracked_issues() if has_tracker else None,
                scans=self.count_scans() if has_tracker else None,
            )
        )

    def count_issue_labels(self, filters: IssueFilter | None = None) -> list[IssueLabelCount]:
        """Return how many of the issues that `QueryStore.list_issues` lists have a kind, a severity and a state.

        Source: docs/export.md#openmetrics.
        """
        from stormlog.exporting import IssueLabelCount

        found = self._labels_statement(filters)
        rows = self._run("count_issue_labels", found.statement, found.views).rows
        return [IssueLabelCount(*row) for row in rows]

    def count_issue_labels_sql(self, filters: IssueFilter | None = None) -> Statement:
        """Return the text and the parameters that `count_issue_labels` runs."""
        return self._labels_statement(filters).statement

    def _labels_statement(self, filters: IssueFilter | None) -> FilteredStatement:
        listing = statements.issues_statement(filters, self._issue_states())
        return metric_statements.issue_labels_statement(listing)

    def count_failures(self, *, since: Time = None) -> list[FailureCount]:
        """Return how often ranks failed, by kind: out of memory, or another error.

        Args:
            since: Leave out what is known to be older.

        Source: docs/why.md#failures.
        """
        from stormlog.exporting import FailureCount

        rows = self._run("count_failures", self.count_failures_sql(since=since), "failures").rows
        return [FailureCount(*row) for row in rows]

    def count_failures_sql(self, *, since: Time = None) -> Statement:
        """Return the text and the parameters that `count_failures` runs."""
        return metric_statements.failures_statement(None if since is None else time_ns("since", since))

    def count_tracked_issues(self) -> list[TrackedIssueCount]:
        """Return how many issues of the tracker, in all its projects, have a kind, a severity and a status.

        Source: docs/tracking.md#tracked-issues-in-queries.
        """
        from stormlog.exporting import TrackedIssueCount

        rows = self._tracked_rows("count_tracked_issues", self.count_tracked_issues_sql())
        return [TrackedIssueCount(*row) for row in rows]

    def count_tracked_issues_sql(self) -> Statement:
        """Return the text and the parameters that `count_tracked_issues` runs."""
        return metric_statements.tracked_issues_statement()

    def count_scans(self) -> list[ScanCount]:
        """Return how many scans of the tracker have ended how.

        Source: docs/tracking.md#tracked-issues-in-queries.
        """
        from stormlog.exporting import ScanCount

        return [ScanCount(*row) for row in self._tracked_rows("count_scans", self.count_scans_sql())]

    def count_scans_sql(self) -> Statement:
        """Return the text and the parameters that `count_scans` runs."""
        return metric_statements.scans_statement()

    def _tracked_rows(self, name: str, statement: Statement) -> list[tuple[Any, ...]]:
        """Return the rows of a statement over the tracker as it is now: what is remembered belongs to files alone."""

        def begin() -> Question:
            return self._question(self._prepared(views_of(_TRACKING)), statement[0])

        def read(question: Question) -> list[tuple[Any, ...]]:
            with question.cursor as cursor:
                return question.engine.fetch(cursor, name, *statement)[1]

        return self._ask(begin, read)

    # ---- log lines -----------------------------------------------------------------------------------------

    def iter_otlp_logs(self, *, since: Time = None, until: Time = None) -> RowStream[str]:
        """Return an iterator over all records as lines of OTLP/JSON, in the order of time.

        Each line, with its line break, is an ``ExportLogsServiceRequest`` with one record. Memory does not grow with
        their number; see `QueryStore.iter_events`.

        Args:
            since: Leave out what is older than this time; see `stormlog.query.parse_time`.
            until: Leave out what is newer.

        Source: docs/concepts.md#otlp.
        """
        statement = self.iter_otlp_logs_sql(since=since, until=until)
        return self._stream_events(statement, _line, "projected_records", metric_statements.otlp_times())

    def iter_otlp_logs_sql(self, *, since: Time = None, until: Time = None) -> Statement:
        """Return the text and the parameters that `iter_otlp_logs` runs."""
        return metric_statements.otlp_statement(
            None if since is None else time_ns("since", since),
            None if until is None else time_ns("until", until),
        )

    # ---- files ---------------------------------------------------------------------------------------------

    def require_text_target(self, target: str | os.PathLike[str], *, replace: bool = False) -> None:
        """Refuse a file that `write_text` would not write to, before anything is read for it.

        Raises:
            ValueError: see `write_text`.
        """
        from stormlog._new_files import require_writable_target

        path = require_path(target, "the target")
        require_writable_target(path, replaces=replace, kept=self._unwritable())

    def write_text(
        self, target: str | os.PathLike[str], texts: Iterable[str], *, replace: bool = False
    ) -> None:
        """Write `openmetrics` or the lines of `iter_otlp_logs` to a file, which appears whole or not at all.

        Args:
            target: The file.
            texts: What it will hold, made while it is written.
            replace: Whether a file that is there may be replaced.

        Raises:
            ValueError: it exists already, is no regular file, lies in the opened paths, or has no directory to lie in.
            ExportError: it cannot be written.

        Source: docs/export.md#openmetrics.
        """
        from stormlog.exporting import write_text_file

        write_text_file(require_path(target, "the target"), texts, replaces=replace, kept=self._unwritable())

    def _unwritable(self) -> OpenedPaths:
        """Return what no text is written to: the opened paths, and the tracker."""
        tracker = self._states.tracker
        return self.catalog.opened.also([] if tracker is None else [os.path.realpath(tracker)])


def _line(row: tuple[str]) -> str:
    return row[0]
