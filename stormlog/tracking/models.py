"""What the tracker answers with: plain frozen values, named as the columns of the store.

The promise: ``as_dict()`` gives text, numbers, lists and mappings under keys that do not change. Times are
nanoseconds since the Unix epoch.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from stormlog._readable_times import ReadableTime
from stormlog._values import UNPRINTED

if TYPE_CHECKING:
    from stormlog.issues import IgnoreRule
    from stormlog.tracking.documents import ChangeWarning, RuleDocument, SkippedInput

__all__ = [
    "Activity",
    "Change",
    "Comment",
    "Evidence",
    "Fingerprint",
    "HistoryPage",
    "IssueDetail",
    "IssuePage",
    "Occurrence",
    "OccurrencePage",
    "Project",
    "ScanReport",
    "TrackedIssue",
    "TrackedRule",
    "Undone",
]


class _Shown:
    def __repr__(self) -> str:
        from stormlog._short_repr import repr_of_fields  # Late: commands print no values.

        return repr_of_fields(self, self.__dataclass_fields__)  # type: ignore[attr-defined]


class _Value(_Shown):
    def as_dict(self) -> dict[str, Any]:
        """Return all fields in order, JSON-ready."""
        return asdict(self)  # type: ignore[call-overload,no-any-return]


@dataclass(frozen=True, repr=False)
class TrackedIssue(_Value):
    """A failure that is followed from scan to scan.

    Attributes:
        issue_id: A UUID. ``merged_from`` is set where it was asked for by the id of an issue merged into it.
        number: Short number within its project; no other issue ever has it.
        project: Name of its project.
        app: Name of the training program.
        is_dev: Whether it comes from development runs.
        kind: oom, collector_degradation, alert, hidden_memory_anomaly, or error for plain error texts.
        status: new, in_progress, resolved, silenced or regressed.
        state: What derived issues show for it: open, resolved, ignored or regressed.
        title: That of the earliest evidence; a merge changes neither title, severity nor kind.
        severity: The greatest of its fingerprints.
        fix_version: Version that it was resolved in.
        ignore_until: What ends its silence: ``count``, ``runs`` (more of them), ``next`` (the next time that it is
            seen) or ``date_ns``; ``rule``, the number of the rule that ignores it; and ``reason``.
        occurrence_count: Sessions with it.
        hit_count: Pieces of evidence.
        run_count: Runs (jobs) with it.
        unique_user_count: Users that are named.
        recurred_count: Occurrences recorded while resolved of which no version says whether they have the fix.
        first_seen_ns: Earliest evidence by its own clock.
        last_activity_ns: When evidence was last recorded.
        revision: Grows with every change.
        fingerprint_ids: Fingerprints that lead to it.
        failure_count: Pieces of evidence, an OOM bundle and the event that it tells of being one.
        what: What tells it from issues of the same title: that of its earliest fingerprint.
    """

    issue_id: str
    number: int
    project: str
    app: str
    is_dev: bool
    kind: str
    status: str
    state: str
    title: str
    severity: str
    fix_version: str | None
    resolved_ns: int | None
    ignore_until: Mapping[str, Any] | None
    assignee: str | None
    occurrence_count: int
    hit_count: int
    run_count: int
    unique_user_count: int
    recurred_count: int
    recurred_last_ns: int | None
    first_seen_ns: int | None
    last_seen_ns: int | None
    first_seen_version: str | None
    last_seen_version: str | None
    last_activity_ns: int
    last_notified_ns: int | None
    created_ns: int
    updated_ns: int
    revision: int
    fingerprint_ids: Sequence[str]
    failure_count: int
    what: str = ""
    merged_from: str | None = None
    resolved = ReadableTime()
    recurred_last = ReadableTime()
    first_seen = ReadableTime()
    last_seen = ReadableTime()
    last_activity = ReadableTime()
    last_notified = ReadableTime()
    created = ReadableTime()
    updated = ReadableTime()


@dataclass(frozen=True, repr=False)
class Fingerprint(_Value):
    """What makes evidence the same issue."""

    fingerprint_id: str
    kind: str
    schema_version: int
    dimensions: Mapping[str, Any]
    severity: str
    title: str
    added_ns: int
    added = ReadableTime()


@dataclass(frozen=True, repr=False)
class Occurrence(_Value):
    """An issue in one session.

    Attributes:
        run_id: Job of the session, else the session.
        environment: Kind of device: cuda, rocm, mps, cpu, tensorflow, gpu or other.
        ranks: Global ranks on which it was seen, sorted.
        hit_count: Pieces of evidence.
    """

    occurrence_id: str
    issue_id: str
    session_id: str
    run_id: str
    host: str | None
    user: str | None
    environment: str | None
    code_version: str | None
    ranks: Sequence[int]
    first_ns: int | None
    last_ns: int | None
    hit_count: int
    recorded_ns: int
    first = ReadableTime()
    last = ReadableTime()
    recorded = ReadableTime()


@dataclass(frozen=True, repr=False)
class Evidence(_Value):
    """One event, bundle or finding behind an occurrence; kept for the first 5 and last 15 of each."""

    occurrence_id: str
    session_id: str
    evidence_id: str
    fingerprint_id: str
    timestamp_ns: int | None
    rank: int | None
    code_version: str | None
    source_kind: str
    event_type: str | None
    source_path: str | None
    bundle_path: str | None
    metadata: Mapping[str, Any]
    timestamp = ReadableTime()


@dataclass(frozen=True, repr=False)
class Comment(_Value):
    """What somebody said about an issue, in Markdown."""

    comment_id: str
    issue_id: str
    author_type: str
    author_id: str
    author_name: str
    body: str
    created_ns: int
    updated_ns: int
    created = ReadableTime()
    updated = ReadableTime()


@dataclass(frozen=True, repr=False)
class Activity(_Value):
    """One change, and who made it."""

    activity_id: int
    issue_id: str | None
    at_ns: int
    actor_type: str
    actor_id: str
    action: str
    before: Mapping[str, Any] | None
    after: Mapping[str, Any] | None
    scan_id: str | None
    at = ReadableTime()


@dataclass(frozen=True, repr=False)
class IssueDetail(_Value):
    """An issue with its fingerprints, latest occurrences, their evidence and its comments.

    Attributes:
        merged_into: Id of the issue if it was asked for by that of one merged into it.
    """

    issue: TrackedIssue
    fingerprints: Sequence[Fingerprint]
    occurrences: Sequence[Occurrence]
    evidence: Sequence[Evidence]
    comments: Sequence[Comment]
    merged_into: str | None = None


@dataclass(frozen=True, repr=False)
class IssuePage(_Value):
    """Some issues of a list.

    Attributes:
        cursor: Where the next page starts; None on the last one.
        has_more: Whether there is a next page.
    """

    issues: Sequence[TrackedIssue]
    cursor: str | None
    has_more: bool


@dataclass(frozen=True, repr=False)
class OccurrencePage(_Value):
    """Some occurrences of an issue, the latest first; see `IssuePage`."""

    occurrences: Sequence[Occurrence]
    cursor: str | None
    has_more: bool


@dataclass(frozen=True, repr=False)
class HistoryPage(_Value):
    """Some changes of an issue, the latest first; see `IssuePage`."""

    activities: Sequence[Activity]
    cursor: str | None
    has_more: bool


@dataclass(frozen=True, repr=False)
class Change(_Value):
    """What a verb did.

    Attributes:
        issues: Those it was about, as they are now.
        warnings: What to think about.
    """

    issues: Sequence[TrackedIssue]
    warnings: Sequence[ChangeWarning] = ()


@dataclass(frozen=True, repr=False)
class Undone(_Value):
    """What was reversed.

    Attributes:
        action: What had been done: ``claim``, ``resolve``, ``merge``, ``comment``, ...
        activity_ids: Entries of the history that were reversed: one, or those of one call on several issues.
        issues: Those it was about, as they are now.
    """

    action: str
    activity_ids: Sequence[int]
    issues: Sequence[TrackedIssue]


@dataclass(frozen=True, repr=False)
class TrackedRule(_Shown):
    """A rule of a project by which issues are ignored.

    Attributes:
        rule_id: Its number; no other rule of the tracker ever has it.
        rule: Which issues fit, and why they are ignored.
        issue_count: Issues that are ignored by it.
    """

    rule_id: int
    project: str
    rule: IgnoreRule
    actor_type: str
    actor_id: str
    created_ns: int
    issue_count: int
    created = ReadableTime()

    def as_dict(self) -> RuleDocument:
        """Return all fields in order, those of the rule among them, JSON-ready."""
        rule = self.rule
        return {
            "rule_id": self.rule_id,
            "project": self.project,
            "kind": rule.kind,
            "dimensions": dict(rule.dimensions or {}),
            "fingerprint_id": rule.fingerprint_id,
            "reason": rule.reason,
            "actor_type": self.actor_type,
            "actor_id": self.actor_id,
            "created_ns": self.created_ns,
            "issue_count": self.issue_count,
        }


@dataclass(frozen=True, repr=False)
class Project(_Value):
    """A named collection of runs: what merges stay within and digests are about.

    Attributes:
        alert_frequency: none, hourly, 6_hourly, daily or weekly.
        version_order: auto, string, pep440, semver or observed.
        regress_on_equal: Whether the fix version itself, seen again, makes an issue regressed.
        recipients: Mail addresses.
        webhook_url: Scheme and host of the webhook's address, or the variable or file that holds it.
        webhook_format: json or slack.
    """

    project_id: str
    name: str
    alert_frequency: str
    version_order: str
    regress_on_equal: bool
    recipients: Sequence[str]
    webhook_url: str | None
    webhook_format: str
    last_digest_ns: int | None
    created_ns: int
    last_digest = ReadableTime()
    created = ReadableTime()


@dataclass(frozen=True, repr=False)
class ScanReport(_Value):
    """What a scan did.

    Attributes:
        sources_seen: Files and bundles below the paths.
        sources_read: Those that were new, had changed, or may have settled.
        sources_settled: Those among them that did not change: their sessions may be over now.
        sources_pending: Those that end within a line.
        sources_missing: Those known below the paths that are gone.
        lines_read: Valid records that were new.
        lines_skipped: Lines that were new and no valid records.
        sessions_scanned: Sessions whose evidence was worked out.
        evidence_new: Pieces of evidence recorded for the first time.
        warnings: What was skipped.
    """

    scan_id: str
    started_ns: int
    finished_ns: int
    sources_seen: int = 0
    sources_read: int = 0
    sources_pending: int = 0
    sources_missing: int = 0
    lines_read: int = 0
    lines_skipped: int = 0
    sessions_scanned: int = 0
    evidence_new: int = 0
    issues_created: int = 0
    issues_regressed: int = 0
    occurrences_created: int = 0
    occurrences_updated: int = 0
    notices_queued: int = 0
    warnings: Sequence[SkippedInput] = field(default_factory=list)
    sources_settled: int = field(default=0, metadata={UNPRINTED: True})
    started = ReadableTime()
    finished = ReadableTime()

    def as_dict(self) -> dict[str, Any]:
        """Return the answer of a scan, whose keys do not change."""
        answer = super().as_dict()
        del answer["sources_settled"]
        return answer
