"""What people and agents do with issues: claim, resolve, reopen, ignore, assign.

The promise: one call changes all issues that it names or none. It is refused if an issue may not move, and if
somebody changed it since the caller looked.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cmp_to_key
from typing import TYPE_CHECKING, Any

from stormlog.errors import LifecycleError
from stormlog.issues import IgnoreRule, is_fingerprint_id
from stormlog.tracking.actors import Actor
from stormlog.tracking.checks import require_integer, require_text
from stormlog.tracking.database import activity, aggregates, undo_records
from stormlog.tracking.models import Change
from stormlog.tracking.projects import DEFAULT_PROJECT, ensure_project
from stormlog.tracking.reading.listing import matching
from stormlog.tracking.reading.lookup import find_issue, issue_name, tracked_issues
from stormlog.tracking.recording.ignore_rules import add_rule, rule_for
from stormlog.tracking.statuses import Status, require_move, shown_status

if TYPE_CHECKING:
    from stormlog.tracking.documents import ChangeWarning

__all__ = [
    "MatchChangedError",
    "Targets",
    "Triage",
    "match",
    "readable",
    "require_revision",
    "reset_recurrences",
]

_TOUCHED = "issue_id IN (SELECT id FROM temp.touched_issues)"


@dataclass(frozen=True)
class Targets:
    """Which issues a verb is about.

    Attributes:
        ids: What `find_issue` understands.
        where: Condition over the fields of `TrackedIssue`, of the same project.
        matched: What `match` found for the condition.
        revision: What the one issue has to have, so that nobody's change is overwritten; of several issues, by id.
        at_most: How many issues may be meant.
    """

    ids: Sequence[str]
    where: str | None = None
    revision: int | Mapping[str, int] | None = None
    at_most: int | None = None
    matched: Mapping[str, int] = field(default_factory=dict)


class MatchChangedError(LifecycleError):
    """Issues were changed between the moment when a condition was asked and the change of what fits it."""


def match(connection: sqlite3.Connection, project_id: str, where: str) -> dict[str, int]:
    """Return id -> revision of the issues of a project that fit a condition.

    A condition may take seconds: ask it before a transaction to write begins, so that nobody has to wait for it.

    Raises:
        KeyboardInterrupt: Ctrl-C arrived.
        ValueError: a bad condition, or one that takes too long.
    """
    aggregates.touch(connection, issues=matching(connection, where))
    rows = connection.execute(
        f"SELECT issue_id, revision FROM issues WHERE project_id = ? AND {_TOUCHED} ORDER BY issue_id",
        [project_id],
    )
    return dict(rows.fetchall())


class Triage:
    """Verbs on issues, inside one transaction.

    Args:
        connection: Inside a transaction to write.
        project_id: Project of issues that are named without one.
        actor: Who does it.
        now_ns: The clock.
    """

    def __init__(self, connection: sqlite3.Connection, project_id: str, actor: Actor, *, now_ns: int) -> None:
        self._connection = connection
        self._project_id = project_id
        self._actor = actor
        self._now_ns = now_ns
        #: Entry of the activity log that the first change of this call made.
        self._group_id: int | None = None

    def claim(self, targets: Targets, *, take: bool = False) -> Change:
        """Move issues to ``in_progress`` and assign them to the actor; those that the actor has stay as they are.

        Args:
            take: Whether to take issues that somebody else has.

        Raises:
            LifecycleError: code ``already_claimed``: somebody else has one; details name the ``assignee``.
        """
        rows = self._rows(targets)
        holders = {row["issue_id"]: self._holder(row) for row in rows}
        for row in rows:
            holder = holders[row["issue_id"]]
            if holder not in (None, self._actor.id) and not take:
                name = issue_name(self._connection, row["issue_id"])
                raise LifecycleError(
                    f"issue {name} is {holder}'s ({shown_status(row['status'])}); --take (take=True) takes it",
                    code="already_claimed",
                    details={"issue_id": row["issue_id"], "assignee": holder},
                )
            if row["status"] != "in_progress":
                self._require_move(row, "in_progress")
        waiting = [row for row in rows if row["status"] != "in_progress"]
        self._change_status("claim", "in_progress", waiting, {"assignee": self._actor.id})
        changing = [
            row for row in rows if row["status"] == "in_progress" and row["assignee"] != self._actor.id
        ]
        self._update("claim", changing, lambda _: {"assignee": self._actor.id})
        return self._changed(rows)

    def _holder(self, row: sqlite3.Row) -> str | None:
        """Return whose an issue is; that of a claim from before claims assigned is the one who claimed it."""
        if row["assignee"] is not None or row["status"] != "in_progress":
            return row["assignee"]  # type: ignore[no-any-return]
        last = self._connection.execute(
            "SELECT actor_id, action, after_json FROM activity WHERE issue_id = ? AND action IN ('claim', 'assign') "
            "ORDER BY activity_id DESC LIMIT 1",
            [row["issue_id"]],
        ).fetchone()
        if last is None or last["action"] != "claim" or "assignee" in json.loads(last["after_json"] or "{}"):
            return None
        return str(last["actor_id"])

    def reopen(self, targets: Targets) -> Change:
        """Move issues to ``new``.

        Raises:
            LifecycleError: code ``ignored_by_rule``: a rule would ignore one again.
        """
        rows = self._rows(targets)
        for row in rows:
            rule = rule_for(self._connection, row["project_id"], row["issue_id"])
            if rule is not None:
                name = issue_name(self._connection, row["issue_id"])
                raise LifecycleError(
                    f"issue {name} is ignored by rule {rule.rule_id}: claim it, or remove the rule "
                    f"('stormlog issues ignores --remove {rule.rule_id}')",
                    code="ignored_by_rule",
                    details={"issue_id": row["issue_id"], "rule_id": rule.rule_id},
                )
        return self._move("reopen", "new", targets)

    def resolve(self, targets: Targets, version: str | None, *, amend: bool = False) -> Change:
        """Move issues to ``resolved``, or with ``amend`` change the fix version of those that are.

        Raises:
            ValueError: a blank version, or none to amend.
        """
        fix = None if version is None else require_text(version, "version")
        if amend:
            if fix is None:
                raise ValueError("amend changes the fix version: give one")
            change = self._amend(targets, fix)
        else:
            change = self._move(
                "resolve", "resolved", targets, {"fix_version": fix, "resolved_ns": self._now_ns}
            )
        warnings = [
            warning for issue in change.issues for warning in self._newer_evidence(issue.issue_id, fix)
        ]
        if fix is None and change.issues:
            no_version = "without a fix version, recurrence will be counted but cannot regress"
            warnings.append({"issue_id": None, "code": "no_fix_version", "message": no_version})
        return Change(change.issues, tuple(warnings))

    def ignore(
        self,
        targets: Targets,
        *,
        reason: str | None = None,
        until_count: int | None = None,
        until_runs: int | None = None,
        until_ns: int | None = None,
        until_next: bool = False,
    ) -> Change:
        """Move issues to ``silenced``, for good or until a scan finds one of the conditions met.

        Args:
            reason: Why.
            until_next: Until it is seen the next time.
            until_count: So many occurrences more than there are.
            until_runs: So many runs more than there are.
            until_ns: A time, nanoseconds since the Unix epoch.

        Raises:
            ValueError: a number below 1, a time that is past, or a blank reason.
        """
        for name, number in (("number of occurrences", until_count), ("number of runs", until_runs)):
            if number is not None:
                require_integer(number, f"{name} until which issues are ignored", least=1)
        if until_ns is not None:
            require_integer(until_ns, "time until which issues are ignored")
        if until_ns is not None and until_ns <= self._now_ns:
            raise ValueError("the time until which issues are to be ignored is past")
        why = None if reason is None else require_text(reason, "reason")
        targets, unseen = self._without_unseen(targets)
        has_end = until_next or any(end is not None for end in (until_count, until_runs, until_ns))
        if unseen and has_end:
            raise ValueError(f"{unseen[0]} was not seen yet: it is ignored by a rule, which has no end")
        warnings = [self._ignore_unseen(fingerprint_id, why) for fingerprint_id in unseen]
        if unseen and not targets.ids and targets.where is None:
            return Change((), tuple(warnings))

        def until(row: sqlite3.Row) -> str | None:
            wanted: dict[str, Any] = {"date_ns": until_ns, "reason": why}
            if until_count is not None:
                wanted |= {"count": until_count, "from_count": row["occurrence_count"]}
            if until_runs is not None:
                wanted |= {"runs": until_runs, "from_runs": row["run_count"]}
            if until_next:
                wanted |= {"next": True, "from_hits": row["hit_count"]}
            known = {name: value for name, value in wanted.items() if value is not None}
            return activity.canonical_json(known) if known else None

        change = self._move("ignore", "silenced", targets, until=until)
        return Change(change.issues, (*change.warnings, *warnings))

    def _without_unseen(self, targets: Targets) -> tuple[Targets, list[str]]:
        """Return the targets without fingerprints that no issue of the project has, and these."""
        known = "SELECT 1 FROM issue_fingerprints AS f INNER JOIN apps AS a ON a.app_id = f.app_id "
        known += "WHERE f.fingerprint_id = ? AND a.project_id = ?"
        unseen = [
            text.strip()
            for text in targets.ids
            if is_fingerprint_id(text.strip())
            and self._connection.execute(known, [text.strip(), self._project_id]).fetchone() is None
        ]
        left = [text for text in targets.ids if text.strip() not in unseen]
        return replace(targets, ids=left), unseen

    def _ignore_unseen(self, fingerprint_id: str, reason: str | None) -> ChangeWarning:
        """Ignore a fingerprint from the first time that it is seen, and return a warning that says so."""
        if not self._project_id:
            # Only the default project need not exist yet.
            made = ensure_project(self._connection, DEFAULT_PROJECT, self._now_ns)
            self._project_id = made["project_id"]
        rule = add_rule(
            self._connection,
            self._project_id,
            self._actor,
            IgnoreRule(fingerprint_id=fingerprint_id, reason=reason),
            now_ns=self._now_ns,
        )
        message = f"{fingerprint_id} was not seen yet: rule {rule.rule_id} ignores it when it is"
        return {"issue_id": None, "code": "unseen_fingerprint", "message": message}

    def assign(self, targets: Targets, assignee: str | None) -> Change:
        """Say whose issues are; None for nobody's."""
        name = None if assignee is None else require_text(assignee, "assignee")
        rows = self._rows(targets)
        changed = [row for row in rows if row["assignee"] != name]
        self._update("assign", changed, lambda _: {"assignee": name})
        return self._changed(rows)

    def _amend(self, targets: Targets, fix: str) -> Change:
        rows = self._rows(targets)
        for row in rows:
            if row["status"] != "resolved":
                raise LifecycleError(
                    f"issue {issue_name(self._connection, row['issue_id'])} is {shown_status(row['status'])}: "
                    "only the fix version of a resolved one is amended",
                    code="illegal_transition",
                    details={"issue_id": row["issue_id"], "from": row["status"], "to": "resolved"},
                )
        self._update(
            "amend", [row for row in rows if row["fix_version"] != fix], lambda _: {"fix_version": fix}
        )
        return self._changed(rows)

    def _move(
        self,
        action: str,
        status: Status,
        targets: Targets,
        fields: Mapping[str, Any] | None = None,
        *,
        until: Callable[[sqlite3.Row], str | None] = lambda _: None,
    ) -> Change:
        rows = self._rows(targets)
        for row in rows:
            self._require_move(row, status)
        self._change_status(action, status, rows, fields, until=until)
        return self._changed(rows)

    def _require_move(self, row: sqlite3.Row, status: Status) -> None:
        name = issue_name(self._connection, row["issue_id"])
        require_move(row["issue_id"], row["status"], status, name=name)

    def _change_status(
        self,
        action: str,
        status: Status,
        rows: Sequence[sqlite3.Row],
        fields: Mapping[str, Any] | None = None,
        *,
        until: Callable[[sqlite3.Row], str | None] = lambda _: None,
    ) -> None:
        """Give issues a status that they may have."""
        # A silenced issue keeps the version it was resolved in.
        cleared = {} if status == "silenced" else {"fix_version": None, "resolved_ns": None}
        recurrences = {
            row["issue_id"]: undo_records.recurrences_of(self._connection, row["issue_id"]) for row in rows
        }
        reset_recurrences(self._connection, [row["issue_id"] for row in rows])
        self._update(
            action,
            rows,
            lambda row: {
                **cleared,
                **(fields or {}),
                "status": status,
                "ignore_until_json": until(row),
                "recurred_count": 0,
                "recurred_last_ns": None,
            },
            recurrences,
        )

    def _rows(self, targets: Targets) -> list[sqlite3.Row]:
        """Return the rows of all issues that are meant, each once."""
        if not targets.ids and targets.where is None:
            raise ValueError("name issues, or give a condition")
        rows = {}
        for text in targets.ids:
            row, _ = find_issue(self._connection, self._project_id, text)
            rows[row["issue_id"]] = row
        aggregates.touch(self._connection, issues=targets.matched)
        matched = self._connection.execute(
            f"SELECT * FROM issues WHERE {_TOUCHED} ORDER BY issue_id"
        ).fetchall()
        # Whether a changed issue still fits is not known here.
        if {row["issue_id"]: row["revision"] for row in matched} != targets.matched:
            raise MatchChangedError(
                "issues that fit the condition were changed meanwhile: nothing was done, try again",
                code="stale_revision",
                details={"where": targets.where},
            )
        rows |= {row["issue_id"]: row for row in matched}
        if targets.at_most is not None and len(rows) > targets.at_most:
            raise ValueError(
                f"this would change {len(rows)} issues, and {targets.at_most} are allowed (--yes allows all)"
            )
        found = list(rows.values())
        if isinstance(targets.revision, int):
            if len(found) != 1:
                raise ValueError("a revision is that of one issue")
            require_revision(self._connection, found[0], targets.revision)
        elif targets.revision is not None:
            for row in found:
                if row["issue_id"] in targets.revision:
                    require_revision(self._connection, row, targets.revision[row["issue_id"]])
        return found

    def _update(
        self,
        action: str,
        rows: Sequence[sqlite3.Row],
        fields_of: Callable[[sqlite3.Row], Mapping[str, Any]],
        recurrences: Mapping[str, str] | None = None,
    ) -> None:
        """Change columns of issues, and keep what it takes to undo that.

        Args:
            recurrences: Id of an issue -> what `undo_records.recurrences_of` returned before.
        """
        for row in rows:
            fields = fields_of(row)
            assignments = "".join(f"{column} = :{column}, " for column in fields)
            self._connection.execute(
                f"UPDATE issues SET {assignments} updated_ns = :now_ns, revision = revision + 1 "
                "WHERE issue_id = :issue_id",
                {**fields, "now_ns": self._now_ns, "issue_id": row["issue_id"]},
            )
            after = {column: value for column, value in fields.items() if row[column] != value}
            before = {column: row[column] for column in after}
            activity_id = activity.log(
                self._connection,
                self._actor,
                action,
                project_id=row["project_id"],
                issue_id=row["issue_id"],
                at_ns=self._now_ns,
                before=readable(before),
                after=readable(after),
            )
            self._group_id = self._group_id or activity_id
            undo_records.keep(
                self._connection,
                activity_id,
                group_id=self._group_id,
                before=before,
                after=after,
                hit_count=row["hit_count"],
                recurrences_json=(recurrences or {}).get(row["issue_id"], "[]"),
            )

    def _changed(self, rows: Sequence[sqlite3.Row]) -> Change:
        aggregates.touch(self._connection, issues=[row["issue_id"] for row in rows])
        return Change(tuple(tracked_issues(self._connection, f"{_TOUCHED} ORDER BY issue_id")))

    def _newer_evidence(self, issue_id: str, fix: str | None) -> list[ChangeWarning]:
        """Warn of evidence that is newer than the fix already: it will not make the issue regressed."""
        versions = [
            version
            for (version,) in self._connection.execute(
                """
                SELECT DISTINCT k.code_version
                FROM issue_occurrences AS o
                INNER JOIN issue_evidence_keys AS k ON o.occurrence_id = k.occurrence_id
                WHERE o.issue_id = ? AND k.code_version IS NOT NULL
                """,
                [issue_id],
            )
        ]
        if fix is None or not versions:
            return []
        # Comparing needs `packaging`, which takes a while to import.
        from stormlog.tracking.versions import compare_versions, seen_among

        [order] = self._connection.execute(
            "SELECT p.version_order FROM projects AS p INNER JOIN issues AS i ON i.project_id = p.project_id "
            "WHERE i.issue_id = ?",
            [issue_id],
        ).fetchone()
        first_seen = seen_among(self._versions(issue_id))
        steps = {"older": -1, "newer": 1}

        def compare(one: str, other: str) -> int:
            result = compare_versions(one, other, order=order, first_seen=first_seen).result
            return steps.get(result or "", 0)

        newer = [version for version in versions if compare(version, fix) > 0]
        if not newer:
            return []
        newest = max(newer, key=cmp_to_key(compare))
        message = f"evidence of version {newest} is recorded already, which is newer than {fix}"
        return [{"issue_id": issue_id, "code": "newer_evidence", "message": message, "version": newest}]

    def _versions(self, issue_id: str) -> dict[str, int]:
        rows = self._connection.execute(
            "SELECT v.version, v.first_event_ns FROM code_versions AS v "
            "INNER JOIN issues AS i ON i.app_id = v.app_id WHERE i.issue_id = ?",
            [issue_id],
        )
        return dict(rows.fetchall())


def require_revision(connection: sqlite3.Connection, row: sqlite3.Row, revision: int) -> None:
    """Refuse to change an issue that is not as the caller saw it.

    Raises:
        LifecycleError: code ``stale_revision``.
    """
    if row["revision"] != revision:
        raise LifecycleError(
            f"issue {issue_name(connection, row['issue_id'])} was changed meanwhile: it has revision "
            f"{row['revision']}, not {revision}",
            code="stale_revision",
            details={"issue_id": row["issue_id"], "revision": row["revision"], "expected": revision},
        )


def reset_recurrences(connection: sqlite3.Connection, issue_ids: Sequence[str]) -> None:
    """Forget what recurred while issues were resolved; their rows are up to the caller."""
    aggregates.touch(connection, issues=issue_ids)
    connection.execute(
        f"""
        UPDATE issue_evidence_keys SET is_recurrence = 0
        WHERE is_recurrence = 1
            AND occurrence_id IN (
                SELECT occurrence_id FROM issue_occurrences WHERE {_TOUCHED}
            )
        """
    )


def readable(fields: Mapping[str, Any]) -> dict[str, Any]:
    """Return columns under the names that values have."""
    named = dict(fields)
    if "ignore_until_json" not in named:
        return named
    until = named.pop("ignore_until_json")
    return {**named, "ignore_until": None if until is None else json.loads(until)}
