"""Questions whose answers leave for other systems: numbers for metrics, records as log lines.

Promise: every method has an ``_sql`` twin that returns the exact text and parameters that it runs.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from stormlog.query import export_statements
from stormlog.query.asking import AnsweringStore
from stormlog.query.statements import FilteredStatement, Statement

if TYPE_CHECKING:
    from stormlog.query.filters import IssueFilter
    from stormlog.query.streams import RowStream

__all__ = ["ExportQuestions", "FailureCount", "IssueLabelCount", "ScanCount", "TrackedIssueCount"]

_TRACKING = "tracking tracking.issues tracking.projects tracking.scans"


class IssueLabelCount(NamedTuple):
    """How many issues the telemetry shows of a kind, a severity and a state.

    Attributes:
        severity: At most 100 characters; ``other`` for all words beyond the most frequent ones.
        hit_count: Hits of all of them.
        last_seen_ns: Time of the latest hit; None if no hit has a time.
    """

    kind: str
    severity: str
    state: str
    issue_count: int
    hit_count: int
    last_seen_ns: int | None


class FailureCount(NamedTuple):
    """How often a rank failed; ``rank`` is None for failures of which no rank is known."""

    kind: str
    rank: int | None
    failure_count: int


class TrackedIssueCount(NamedTuple):
    """How many issues of a tracker there are of a kind, a severity and a status; words as of `IssueLabelCount`."""

    project: str
    kind: str
    severity: str
    status: str
    is_dev: bool
    issue_count: int


class ScanCount(NamedTuple):
    """How many scans of a project ended so."""

    project: str
    outcome: str
    scan_count: int


class ExportQuestions(AnsweringStore):
    """The part of `QueryStore` that answers for other systems."""

    @property
    def tracker(self) -> str | None:
        """Path of the tracker that says what became of issues; None if there is none."""
        return self._states.tracker

    def count_issue_labels(self, filters: IssueFilter | None = None) -> list[IssueLabelCount]:
        """Return how many of the issues that `list_issues` lists have a kind, a severity and a state.

        Source: docs/export.md#openmetrics.
        """
        found = export_statements.issue_labels_statement(self._issues_statement(filters))
        return [
            IssueLabelCount(*row)
            for row in self._run("count_issue_labels", found.statement, found.views).rows
        ]

    def count_issue_labels_sql(self, filters: IssueFilter | None = None) -> Statement:
        """Return the text and the parameters that `count_issue_labels` runs."""
        return export_statements.issue_labels_statement(self._issues_statement(filters)).statement

    def count_failures(self, *, since_ns: int | None = None) -> list[FailureCount]:
        """Return how often ranks failed, by kind: out of memory, or another error.

        Args:
            since_ns: Leave out what is known to be older, nanoseconds since the Unix epoch.

        Source: docs/why.md#failures.
        """
        rows = self._run("count_failures", self.count_failures_sql(since_ns=since_ns), "failures").rows
        return [FailureCount(*row) for row in rows]

    def count_failures_sql(self, *, since_ns: int | None = None) -> Statement:
        """Return the text and the parameters that `count_failures` runs."""
        return export_statements.failures_statement(since_ns)

    def count_tracked_issues(self) -> list[TrackedIssueCount]:
        """Return how many issues of the tracker, in all its projects, have a kind, a severity and a status.

        Source: docs/tracking.md#tracked-issues-in-queries.
        """
        rows = self._run("count_tracked_issues", self.count_tracked_issues_sql(), _TRACKING).rows
        return [TrackedIssueCount(*row) for row in rows]

    def count_tracked_issues_sql(self) -> Statement:
        """Return the text and the parameters that `count_tracked_issues` runs."""
        return export_statements.tracked_issues_statement()

    def count_scans(self) -> list[ScanCount]:
        """Return how many scans of the tracker have ended how.

        Source: docs/tracking.md#tracked-issues-in-queries.
        """
        return [ScanCount(*row) for row in self._run("count_scans", self.count_scans_sql(), _TRACKING).rows]

    def count_scans_sql(self) -> Statement:
        """Return the text and the parameters that `count_scans` runs."""
        return export_statements.scans_statement()

    def iter_otlp_logs(self, *, since_ns: int | None = None, until_ns: int | None = None) -> RowStream[str]:
        """Return an iterator over all records as lines of OTLP/JSON, in the order of time.

        Each line, with its line break, is an ``ExportLogsServiceRequest`` with one record. Memory does not grow with
        their number; see `QueryStore.iter_events`.

        Args:
            since_ns: Leave out what is older, nanoseconds since the Unix epoch.
            until_ns: Leave out what is newer.

        Source: docs/concepts.md#otlp.
        """
        statement = self.iter_otlp_logs_sql(since_ns=since_ns, until_ns=until_ns)
        return self._stream_events(statement, _line, "projected_records")

    def iter_otlp_logs_sql(self, *, since_ns: int | None = None, until_ns: int | None = None) -> Statement:
        """Return the text and the parameters that `iter_otlp_logs` runs."""
        return export_statements.otlp_statement(since_ns, until_ns)

    def _issues_statement(self, filters: IssueFilter | None) -> FilteredStatement:
        raise NotImplementedError


def _line(row: tuple[int, str]) -> str:
    return row[1]
