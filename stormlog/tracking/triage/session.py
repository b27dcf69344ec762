"""What people and agents do with issues, as methods of whoever has the tracker open."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Mapping
from dataclasses import replace

from stormlog.issues import ignore_rule_of
from stormlog.tracking.actors import WRITE
from stormlog.tracking.models import Change, TrackedIssue, TrackedRule, Undone
from stormlog.tracking.projects import DEFAULT_PROJECT, ensure_project, project_row
from stormlog.tracking.recording import ignore_rules
from stormlog.tracking.session import TrackerSession
from stormlog.tracking.triage import merging, undoing, unmerging
from stormlog.tracking.triage.verbs import MatchChangedError, Targets, Triage, match

__all__ = ["TriageSession"]


class TriageSession(TrackerSession):
    """A caller who changes issues: every call changes all issues that it names, or none."""

    def claim(
        self,
        *ids: str,
        take: bool = False,
        where: str | None = None,
        revision: int | Mapping[str, int] | None = None,
        at_most: int | None = None,
        dry_run: bool = False,
    ) -> Change:
        """Move issues to ``in_progress`` and assign them to the actor: all of them, or none.

        Those that the actor has claimed already stay as they are.

        Args:
            ids: See `issue`.
            take: Take issues that somebody else has.
            where: SQL condition over the fields of `TrackedIssue`, for issues of this project.
            revision: Which one the issue has to have; of several issues, by their full ids.
            at_most: How many issues may be meant.
            dry_run: Change nothing, and return the issues as they would be.

        Raises:
            LifecycleError: code ``already_claimed``: somebody else has one; ``illegal_transition``,
                ``stale_revision``, ``not_found`` or ``ambiguous_id``.
            ValueError: no issue is named, a bad condition, or too many issues.
        """
        return self._triage(
            Targets(ids, where, revision, at_most),
            lambda triage, targets: triage.claim(targets, take=take),
            dry_run=dry_run,
        )

    def resolve(
        self,
        *ids: str,
        version: str | None = None,
        amend: bool = False,
        where: str | None = None,
        revision: int | Mapping[str, int] | None = None,
        at_most: int | None = None,
        dry_run: bool = False,
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
            dry_run=dry_run,
        )

    def reopen(
        self,
        *ids: str,
        where: str | None = None,
        revision: int | Mapping[str, int] | None = None,
        at_most: int | None = None,
        dry_run: bool = False,
    ) -> Change:
        """Move issues to ``new``; see `claim`."""
        return self._triage(Targets(ids, where, revision, at_most), Triage.reopen, dry_run=dry_run)

    def ignore(
        self,
        *ids: str,
        reason: str | None = None,
        until_count: int | None = None,
        until_runs: int | None = None,
        until_ns: int | None = None,
        until_next: bool = False,
        where: str | None = None,
        revision: int | Mapping[str, int] | None = None,
        at_most: int | None = None,
        dry_run: bool = False,
    ) -> Change:
        """Move issues to ``silenced``, for good or until a scan finds one of the conditions met; see `claim`.

        Args:
            reason: Why.
            until_count: So many occurrences more than now.
            until_runs: So many runs more than now.
            until_ns: Then, in nanoseconds since the Unix epoch.
            until_next: Until it is seen the next time.
        """
        return self._triage(
            Targets(ids, where, revision, at_most),
            lambda triage, targets: triage.ignore(
                targets,
                reason=reason,
                until_count=until_count,
                until_runs=until_runs,
                until_ns=until_ns,
                until_next=until_next,
            ),
            dry_run=dry_run,
        )

    def ignore_rules(self) -> list[TrackedRule]:
        """Return the rules by which issues of this project are ignored, the oldest first."""
        with self.reading() as connection:
            return ignore_rules.list_rules(connection, self._project_id(connection))

    def add_ignore_rule(
        self,
        *,
        kind: str | None = None,
        dimensions: Mapping[str, str] | None = None,
        fingerprint_id: str | None = None,
        reason: str | None = None,
        dry_run: bool = False,
    ) -> TrackedRule:
        """Ignore the issues of this project that fit, those that are seen later too.

        Issues that somebody works on or resolved stay as they are.

        Args:
            kind: Their kind.
            dimensions: Name of a dimension -> its text, in which ``*`` stands for any characters.
            fingerprint_id: The issue itself, seen or not.
            reason: Why.
            dry_run: Change nothing, and return the rule as it would be.

        Raises:
            LifecycleError: there is no such project.
            ValueError: nothing is named, or an unknown kind or dimension.

        Source: docs/tracking.md#ignore-rules.
        """
        rule = ignore_rule_of(
            {"kind": kind, "dimensions": dimensions, "fingerprint_id": fingerprint_id, "reason": reason}
        )
        try:
            with self.writing() as connection:
                project = ensure_project(connection, self.project, self.clock())
                added = ignore_rules.add_rule(
                    connection, project["project_id"], self.actor, rule, now_ns=self.clock()
                )
                if dry_run:
                    raise _DryRunError(added)
                return added
        except _DryRunError as would_be:
            return would_be.result  # type: ignore[return-value]

    def remove_ignore_rule(self, rule_id: int) -> TrackedRule:
        """Remove a rule, and return it; issues that no other rule fits are what they were before.

        Raises:
            LifecycleError: code ``not_found``.
        """
        with self.writing() as connection:
            return ignore_rules.remove_rule(
                connection, self._project_id(connection), self.actor, rule_id, now_ns=self.clock()
            )

    def assign(
        self,
        *ids: str,
        assignee: str | None,
        where: str | None = None,
        revision: int | Mapping[str, int] | None = None,
        at_most: int | None = None,
        dry_run: bool = False,
    ) -> Change:
        """Say whose issues are, or with None that they are nobody's; see `claim`."""
        return self._triage(
            Targets(ids, where, revision, at_most),
            lambda triage, targets: triage.assign(targets, assignee),
            dry_run=dry_run,
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

    def undo(self, activity_id: int | None = None) -> Undone:
        """Reverse a change of a status, a fix version, an assignee or a comment, or a merge; see `undoing.undo`.

        Args:
            activity_id: Entry of the `history`; by default the latest change of the actor in this project that was
                not undone yet.

        Raises:
            LifecycleError: code ``not_found``, ``not_undoable``, ``changed_since`` or ``not_author``.

        Source: docs/tracking.md#undo.
        """
        with self.writing() as connection:
            return undoing.undo(
                connection, self._project_id(connection), self.actor, activity_id, now_ns=self.clock()
            )

    def _project_id(self, connection: sqlite3.Connection) -> str:
        """Return the id of the project; that of the default one, which need not exist, may be one that none has."""
        if self.project == DEFAULT_PROJECT:
            row = connection.execute(
                "SELECT project_id FROM projects WHERE name = ?", [DEFAULT_PROJECT]
            ).fetchone()
            return "" if row is None else str(row["project_id"])
        return str(project_row(connection, self.project)["project_id"])

    def _triage(
        self, targets: Targets, change: Callable[[Triage, Targets], Change], *, dry_run: bool = False
    ) -> Change:
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
                    done = change(triage, targets)
                    if dry_run:
                        raise _DryRunError(done)
                    return done
            except _DryRunError as would_be:
                return would_be.result  # type: ignore[return-value]
            except MatchChangedError:
                if is_last:
                    raise
        raise AssertionError("unreachable")


class _DryRunError(Exception):
    """Ends the transaction of a change that is only to be looked at, so that nothing of it stays."""

    def __init__(self, result: object) -> None:
        super().__init__()
        self.result = result
