"""The tracker: every verb of people, agents and scans as a method of one object."""

from __future__ import annotations

import json
import os
from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING, Any, Unpack

from stormlog.tracking.models import (
    Comment,
    HistoryPage,
    IssueDetail,
    IssuePage,
    OccurrencePage,
    Project,
    ScanReport,
    TrackedIssue,
)
from stormlog.tracking.projects import (
    create_project,
    list_projects,
    set_project,
)
from stormlog.tracking.reading import listing
from stormlog.tracking.reading.filters import IssueConditions, IssueFilter
from stormlog.tracking.reading.lookup import (
    find_issue,
    fingerprints_of,
    issue_name,
    merged_numbers,
    tracked_issues,
)
from stormlog.tracking.reading.sources import IssueSources, issue_sources
from stormlog.tracking.reading.stats import IssueStats, issue_stats
from stormlog.tracking.triage import comments
from stormlog.tracking.triage.session import TriageSession

if TYPE_CHECKING:
    from stormlog.issues.sidecar import Sidecar
    from stormlog.query import UnmatchedFilter
    from stormlog.tracking.digest import NotifyReport, NotifySettings
    from stormlog.tracking.gate.models import GateReport
    from stormlog.tracking.sidecar_exchange import ImportReport

__all__ = ["Tracker"]


class Tracker(TriageSession):
    """Issues in a SQLite file: what people, agents and scans do with them, and see of them.

    Arguments and errors are those of `TrackerSession`.

    Source: docs/tracking.md.
    """

    # ---- looking ---------------------------------------------------------------------------------------

    def list_issues(
        self,
        *,
        all_projects: bool = False,
        sort: str = "last_seen",
        limit: int = 50,
        page: int | None = None,
        after: str | None = None,
        **conditions: Unpack[IssueConditions],
    ) -> IssuePage:
        """Return one page of issues, by default of this project.

        Args:
            all_projects: Whether to list the issues of all projects.
            sort: ``last_seen``, ``first_seen``, ``hits``, ``sessions`` (also called ``occurrences``), ``runs`` or
                ``users``; the greatest first.
            limit: 1 to 200.
            page: Number of the page, from 1.
            after: Cursor of the page before.
            conditions: Which issues: the fields of `stormlog.tracking.reading.filters.IssueFilter`.

        Raises:
            LifecycleError: there is no such project.
            ValueError: an unknown filter value, order or cursor, or a bad condition or limit.

        Source: docs/python.md#filters.
        """
        wanted = IssueFilter.of(conditions)
        with self.reading() as connection:
            project = None if all_projects else self.project
            return listing.list_issues(
                connection, project, wanted, sort=sort, limit=limit, page=page, after=after
            )

    def count_issues(self, *, all_projects: bool = False, **conditions: Unpack[IssueConditions]) -> int:
        """Return how many issues fit; see `list_issues`."""
        wanted = IssueFilter.of(conditions)
        with self.reading() as connection:
            return listing.count_issues(connection, None if all_projects else self.project, wanted)

    def unmatched_filters(
        self, *, all_projects: bool = False, **conditions: Unpack[IssueConditions]
    ) -> list[UnmatchedFilter]:
        """Return which words of a filter no issue has, and what there is instead; for lists without issues.

        Words of fixed lists, times, texts and SQL are left out; see `list_issues`.
        """
        wanted = IssueFilter.of(conditions)
        with self.reading() as connection:
            return listing.unmatched_filters(connection, None if all_projects else self.project, wanted)

    def issue(self, issue_id: str) -> IssueDetail:
        """Return an issue with what belongs to it.

        Args:
            issue_id: As everywhere: its number (``12``, ``#12`` or ``PROJECT/12``), its id, that of an issue merged
                into it, at least 6 characters of its start or end, or a fingerprint id.

        Raises:
            LifecycleError: code ``not_found`` or ``ambiguous_id``.
        """
        with self.reading() as connection:
            return listing.issue_detail(connection, self._project_id(connection), issue_id)

    def issue_number(self, issue_id: str) -> int:
        """Return the short number of an issue; see `issue`."""
        # Who may write may also see the number of what was written.
        with self.store.reading() as connection:
            row, _ = find_issue(connection, self._project_id(connection), issue_id)
            return int(issue_name(connection, row["issue_id"])[1:])

    def fingerprints(self, issue_id: str) -> list[str]:
        """Return the fingerprint ids of an issue, the one with the latest evidence first; see `issue`."""
        with self.reading() as connection:
            row, _ = find_issue(connection, self._project_id(connection), issue_id)
            return fingerprints_of(connection, row["issue_id"])

    def issues_by_id(self, issue_ids: Sequence[str]) -> dict[str, TrackedIssue]:
        """Return issues by their full ids; those that are not there any more are left out."""
        with self.reading() as connection:
            found = tracked_issues(
                connection, "issue_id IN (SELECT value FROM json_each(?))", [json.dumps(list(issue_ids))]
            )
        return {issue.issue_id: issue for issue in found}

    def fingerprints_of_issues(self, **conditions: Unpack[IssueConditions]) -> list[tuple[str, str, bool]]:
        """Return fingerprint id, full issue id and whether the issue fits, for every fingerprint of this project.

        Args:
            conditions: As of `list_issues`.
        """
        wanted = IssueFilter.of(conditions)
        with self.reading() as connection:
            return listing.fingerprints_of_issues(connection, self.project, wanted)

    def rows_of_issues(self, issue_ids: Sequence[str], *, sort: str | None = None) -> list[tuple[Any, ...]]:
        """Return issues as rows of a `stormlog.query.IssueTable`.

        Args:
            issue_ids: Full ids; those that are not there any more are left out.
            sort: As of `stormlog.query.IssueFilter`.
        """
        with self.reading() as connection:
            return listing.rows_of_issues(connection, issue_ids, sort)

    def merged_numbers(self, issue_id: str) -> list[int]:
        """Return the numbers of the issues that are merged into an issue, the latest first; see `issue`."""
        with self.reading() as connection:
            row, _ = find_issue(connection, self._project_id(connection), issue_id)
            return merged_numbers(connection, row["issue_id"])

    def sources(self, issue_id: str) -> IssueSources:
        """Return where the telemetry lies that an issue was seen in, as scans found it; see `issue`."""
        with self.reading() as connection:
            row, _ = find_issue(connection, self._project_id(connection), issue_id)
            return issue_sources(connection, row["project_id"], row["issue_id"])

    def occurrences(self, issue_id: str, *, limit: int = 50, after: str | None = None) -> OccurrencePage:
        """Return one page of the occurrences of an issue, the latest first; see `list_issues`."""
        with self.reading() as connection:
            row, _ = find_issue(connection, self._project_id(connection), issue_id)
            return listing.list_occurrences(connection, row["issue_id"], limit=limit, after=after)

    def history(self, issue_id: str, *, limit: int = 50, after: str | None = None) -> HistoryPage:
        """Return one page of what was done to an issue, the latest first; see `list_issues`."""
        with self.reading() as connection:
            row, _ = find_issue(connection, self._project_id(connection), issue_id)
            return listing.history(connection, row["issue_id"], limit=limit, after=after)

    def stats(self, *, by: str = "day", periods: int = 14, all_projects: bool = False) -> IssueStats:
        """Return how many issues there are, and how many came and went per day or week; see `stats.issue_stats`."""
        with self.reading() as connection:
            project = None if all_projects else self.project
            return issue_stats(connection, project, now_ns=self.clock(), by=by, periods=periods)

    # ---- scans, gates and files ------------------------------------------------------------------------

    def scan(self, paths: Sequence[str | os.PathLike[str]], **options: Any) -> ScanReport:
        """Record what is new below some paths.

        Args:
            paths: Files and directories.
            options: Fields of `ScanOptions`, such as ``app``, ``code_version``, ``since_ns``, ``settle_ns``.

        Raises:
            SourceError: none of the paths exists, or something was skipped and ``strict`` is set.
            StoreBusyError: another scan runs.
            PermissionDeniedError: ``issues:write`` is missing.

        Source: docs/tracking.md#scanning.
        """
        from stormlog.tracking.scanning.options import ScanOptions
        from stormlog.tracking.scanning.scan import scan

        return scan(self, paths, ScanOptions(**options))

    def gate(
        self,
        paths: Sequence[str | os.PathLike[str]],
        *,
        fail_on: Collection[str] = ("new", "regressed"),
        only: IssueConditions | None = None,
        budgets: Sequence[str] = (),
        **options: Any,
    ) -> GateReport:
        """Compare what some paths hold with the issues of the project, and with budgets of memory; change nothing.

        Args:
            paths: Files and directories.
            fail_on: Outcomes that make it fail: ``new``, ``regressed``, ``recurring``.
            only: Count only the issues that fit these conditions of `list_issues`.
            budgets: What phases may need at most, such as ``"train/forward peak_reserved < 70GiB"``.
            options: Fields of `ScanOptions`, such as ``code_version``.

        Raises:
            ValueError: an unknown outcome, or a text that is no budget.

        Source: docs/ci.md#gate.
        """
        from stormlog.tracking.gate.gate import baseline_of_tracker, evaluate
        from stormlog.tracking.scanning.options import ScanOptions

        baseline = baseline_of_tracker(self)
        return evaluate(paths, baseline, ScanOptions(**options), fail_on=fail_on, only=only, budgets=budgets)

    def notify(
        self, settings: NotifySettings | None = None, *, force: bool = False, dry_run: bool = False
    ) -> NotifyReport:
        """Queue the digest of the project if it is due, and send what waits.

        Args:
            settings: How messages are sent; by default what the environment says.
            force: Take it for due.
            dry_run: Only say what would be sent.

        Source: docs/notifications.md.
        """
        from stormlog.tracking.digest import NotifySettings, notify

        return notify(
            self,
            projects=[self.project],
            settings=settings or NotifySettings.from_environment(),
            force=force,
            dry_run=dry_run,
        )

    def command_options(self) -> str:
        """Return what commands need to find this project in this tracker, such as `` --db FILE``."""
        from stormlog.tracking.digest.notifying import command_options

        return command_options(self, self.project)

    def export_states(self, path: str | os.PathLike[str] | None = None, *, counts: bool = True) -> Sidecar:
        """Say what became of each fingerprint of the project; see `stormlog.tracking.sidecar_exchange.export_states`.

        Source: docs/ci.md#the-sidecar.
        """
        from stormlog.tracking.sidecar_exchange import export_states

        return export_states(self, path, counts=counts)

    def import_states(self, path: str | os.PathLike[str]) -> ImportReport:
        """Restore what a sidecar says; see `stormlog.tracking.sidecar_exchange.import_states`.

        Source: docs/ci.md#the-sidecar.
        """
        from stormlog.tracking.sidecar_exchange import import_states

        return import_states(self, path)

    def record_error(self, message: str, **facts: Any) -> TrackedIssue:
        """Record that a program reported an error; see `stormlog.tracking.recording.error_texts.record_error`.

        Source: docs/tracking.md#error-texts.
        """
        from stormlog.tracking.recording.error_texts import record_error

        return record_error(self, message, **facts)

    # ---- comments --------------------------------------------------------------------------------------

    def comment(self, issue_id: str, body: str) -> Comment:
        """Add a comment in Markdown to an issue.

        Raises:
            LifecycleError: code ``not_found`` or ``ambiguous_id``.
            ValueError: it is blank.
        """
        with self.writing() as connection:
            row, _ = find_issue(connection, self._project_id(connection), issue_id)
            return comments.add_comment(connection, self.actor, row, body, now_ns=self.clock())

    def comments(self, issue_id: str) -> list[Comment]:
        """Return the comments of an issue, the oldest first."""
        with self.reading() as connection:
            row, _ = find_issue(connection, self._project_id(connection), issue_id)
            return listing.list_comments(connection, row["issue_id"])

    def edit_comment(self, comment_id: str, body: str) -> Comment:
        """Replace the text of a comment, which only its author may; see `comments.edit_comment`."""
        with self.writing() as connection:
            return comments.edit_comment(
                connection, self.actor, self._project_id(connection), comment_id, body, now_ns=self.clock()
            )

    def delete_comment(self, comment_id: str) -> Comment:
        """Delete a comment, which agents may only if it is theirs; see `comments.delete_comment`."""
        with self.writing() as connection:
            return comments.delete_comment(
                connection, self.actor, self._project_id(connection), comment_id, now_ns=self.clock()
            )

    def purge(self) -> int:
        """Remove comments that were deleted more than 7 days ago, and return how many."""
        with self.writing() as connection:
            return comments.purge_comments(connection, self.clock())

    # ---- projects --------------------------------------------------------------------------------------

    def projects(self) -> list[Project]:
        """Return all projects by name."""
        with self.reading() as connection:
            return list_projects(connection)

    def create_project(self, name: str, **settings: Any) -> Project:
        """Make a project.

        Args:
            settings: See `set_project`.

        Raises:
            ValueError: it exists, this can be no name, or a setting is wrong.
        """
        with self.writing() as connection:
            return create_project(connection, self.actor, name, settings, now_ns=self.clock())

    def set_project(self, name: str, **settings: Any) -> Project:
        """Change settings of a project.

        Args:
            settings: ``alert_frequency``, ``version_order``, ``regress_on_equal``, ``recipients``, ``webhook_url``
                (an address, ``env:NAME`` or ``file:PATH``; None for none), ``webhook_format``; see `Project`.

        Raises:
            LifecycleError: there is no such project.
            ValueError: a setting or its value is unknown.
        """
        with self.writing() as connection:
            return set_project(connection, self.actor, name, settings, now_ns=self.clock())
