"""The tracker: every verb of people, agents and scans as a method of one object."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Collection, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Unpack

from stormlog.tracking.actors import WRITE
from stormlog.tracking.models import (
    Change,
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
    DEFAULT_PROJECT,
    create_project,
    list_projects,
    project_row,
    set_project,
)
from stormlog.tracking.reading import listing
from stormlog.tracking.reading.filters import IssueConditions, IssueFilter
from stormlog.tracking.reading.lookup import find_issue, fingerprints_of, issue_name
from stormlog.tracking.reading.sources import IssueSources, issue_sources
from stormlog.tracking.session import TrackerSession
from stormlog.tracking.triage import comments, merging, unmerging
from stormlog.tracking.triage.verbs import MatchChangedError, Targets, Triage, match

if TYPE_CHECKING:
    from stormlog.issues.sidecar import Sidecar
    from stormlog.query import UnmatchedFilter
    from stormlog.tracking.digest import NotifyReport, NotifySettings
    from stormlog.tracking.gate.gate import GateReport
    from stormlog.tracking.sidecar_exchange import ImportReport

__all__ = ["Tracker"]


class Tracker(TrackerSession):
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

    # ---- triage ----------------------------------------------------------------------------------------

    def claim(
        self, *ids: str, where: str | None = None, revision: int | None = None, at_most: int | None = None
    ) -> Change:
        """Move issues to ``in_progress``: all of them, or none.

        Args:
            ids: See `issue`.
            where: SQL condition over the fields of `TrackedIssue`, for issues of this project.
            revision: Which one the issue has to have; only with a single issue.
            at_most: How many issues may be meant.

        Raises:
            LifecycleError: code ``illegal_transition``, ``stale_revision``, ``not_found`` or ``ambiguous_id``.
            ValueError: no issue is named, a bad condition, or too many issues.
        """
        return self._triage(Targets(ids, where, revision, at_most), Triage.claim)

    def resolve(
        self,
        *ids: str,
        version: str | None = None,
        amend: bool = False,
        where: str | None = None,
        revision: int | None = None,
        at_most: int | None = None,
    ) -> Change:
        """Move issues to ``resolved``; see `claim`.

        Args:
            version: The version of the code that has the fix. Evidence of a newer one makes the issue regressed.
            amend: Change the fix version of issues that are resolved already, and nothing else.

        Returns:
            The issues, and warnings: ``no_fix_version``, or ``newer_evidence`` if evidence of a ``version`` is
            recorded that is newer than the fix.
        """
        return self._triage(
            Targets(ids, where, revision, at_most),
            lambda triage, targets: triage.resolve(targets, version, amend=amend),
        )

    def reopen(
        self, *ids: str, where: str | None = None, revision: int | None = None, at_most: int | None = None
    ) -> Change:
        """Move issues to ``new``; see `claim`."""
        return self._triage(Targets(ids, where, revision, at_most), Triage.reopen)

    def ignore(
        self,
        *ids: str,
        reason: str | None = None,
        until_count: int | None = None,
        until_runs: int | None = None,
        until_ns: int | None = None,
        where: str | None = None,
        revision: int | None = None,
        at_most: int | None = None,
    ) -> Change:
        """Move issues to ``silenced``, for good or until a scan finds one of the conditions met; see `claim`.

        Args:
            reason: Why.
            until_count: So many occurrences more than now.
            until_runs: So many runs more than now.
            until_ns: Then, in nanoseconds since the Unix epoch.
        """
        return self._triage(
            Targets(ids, where, revision, at_most),
            lambda triage, targets: triage.ignore(
                targets, reason=reason, until_count=until_count, until_runs=until_runs, until_ns=until_ns
            ),
        )

    def assign(
        self,
        *ids: str,
        assignee: str | None,
        where: str | None = None,
        revision: int | None = None,
        at_most: int | None = None,
    ) -> Change:
        """Say whose issues are, or with None that they are nobody's; see `claim`."""
        return self._triage(
            Targets(ids, where, revision, at_most),
            lambda triage, targets: triage.assign(targets, assignee),
        )

    def merge(
        self,
        target: str,
        source: str,
        *,
        across_apps: bool = False,
        keep_status: bool = False,
        reopen: bool = False,
        revision: int | None = None,
    ) -> TrackedIssue:
        """Move everything of the source to the target, whose id stays; see `merging.merge`."""
        with self.writing() as connection:
            return merging.merge(
                connection,
                self._project_id(connection),
                self.actor,
                target,
                source,
                now_ns=self.clock(),
                across_apps=across_apps,
                keep_status=keep_status,
                reopen=reopen,
                revision=revision,
            )

    def unmerge(self, source: str) -> TrackedIssue:
        """Bring back an issue that was merged into another; see `unmerging.unmerge`."""
        with self.writing() as connection:
            project_id = self._project_id(connection)
            return unmerging.unmerge(connection, project_id, self.actor, source, now_ns=self.clock())

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
        from stormlog.tracking.scanning.scan import ScanOptions, scan

        return scan(self, paths, ScanOptions(**options))

    def gate(
        self,
        paths: Sequence[str | os.PathLike[str]],
        *,
        fail_on: Collection[str] = ("new", "regressed"),
        only: IssueConditions | None = None,
        **options: Any,
    ) -> GateReport:
        """Compare what some paths hold with the issues of the project, and change nothing.

        Args:
            paths: Files and directories.
            fail_on: Outcomes that make it fail: ``new``, ``regressed``, ``recurring``.
            only: Count only the issues that fit these conditions of `list_issues`.
            options: Fields of `ScanOptions`, such as ``code_version``.

        Source: docs/ci.md#gate.
        """
        from stormlog.tracking.gate.gate import baseline_of_tracker, evaluate
        from stormlog.tracking.scanning.scan import ScanOptions

        baseline = baseline_of_tracker(self)
        return evaluate(paths, baseline, ScanOptions(**options), fail_on=fail_on, only=only)

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

    def _project_id(self, connection: sqlite3.Connection) -> str:
        """Return the id of the project; that of the default one, which need not exist, may be one that none has."""
        if self.project == DEFAULT_PROJECT:
            row = connection.execute(
                "SELECT project_id FROM projects WHERE name = ?", [DEFAULT_PROJECT]
            ).fetchone()
            return "" if row is None else str(row["project_id"])
        return str(project_row(connection, self.project)["project_id"])

    def _triage(self, targets: Targets, change: Callable[[Triage, Targets], Change]) -> Change:
        """Change issues; what a condition means is found out before, so that nobody who writes waits for it."""
        self.permissions.require(WRITE)
        for is_last in (False, False, True):
            if targets.where is not None:
                with self.store.reading() as connection:
                    project_id = self._project_id(connection)
                    targets = replace(targets, matched=match(connection, project_id, targets.where))
            try:
                with self.writing() as connection:
                    triage = Triage(connection, self._project_id(connection), self.actor, now_ns=self.clock())
                    return change(triage, targets)
            except MatchChangedError:
                if is_last:
                    raise
        raise AssertionError("unreachable")
