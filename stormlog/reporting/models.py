"""What a report is made of. Bytes are bytes, times are nanoseconds since the Unix epoch."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from stormlog._readable_times import ReadableTime
from stormlog._values import frozen_class
from stormlog.explaining import Explanation, IssueAccount, MemoryHistory

__all__ = ["IssueLine", "Report", "SkippedFile", "TrackedChange", "TrackedIssue"]


@frozen_class
class IssueLine:
    """One issue, as a list shows it.

    Args:
        severity: The word of its most severe hit.
        state: open, resolved, ignored or regressed.
        session_count: Sessions with hits.
        path: Source of its representative evidence.
        session_id: Session of that evidence.
        timestamp_ns: Time of that evidence.
    """

    fingerprint_id: str
    kind: str
    severity: str
    state: str
    title: str
    what: str
    hit_count: int
    session_count: int
    first_ns: int | None
    last_ns: int | None
    path: str | None
    session_id: str | None
    timestamp_ns: int | None
    first = ReadableTime()
    last = ReadableTime()
    timestamp = ReadableTime()

    @property
    def is_finding(self) -> bool:
        """Whether it makes the verdict one of findings: it is severe or a failure, and nobody closed it."""
        is_severe = self.severity in ("critical", "error") or self.kind == "oom"
        return is_severe and self.state not in ("resolved", "ignored")


class TrackedChange(NamedTuple):
    """A change of an issue in the tracker: when, and a sentence."""

    at_ns: int
    sentence: str


@frozen_class
class TrackedIssue:
    """What a tracker knows of an issue.

    Args:
        number: Its short number.
        history: Its latest changes, the latest first.
    """

    issue_id: str
    number: int | None
    status: str
    assignee: str | None
    fix_version: str | None
    first_version: str | None
    last_version: str | None
    run_count: int | None
    history: tuple[TrackedChange, ...] = ()


@frozen_class
class SkippedFile:
    """What was skipped of a file, or the file as a whole.

    Args:
        line_count: Lines that were skipped; None where the file was skipped as a whole.
        line_number: The first of them.
        message: Why.
        is_note: Whether no telemetry is lost for it.
    """

    path: str
    line_count: int | None
    line_number: int | None
    message: str
    is_note: bool = False


@frozen_class
class Report:
    """Everything that a report shows.

    Args:
        paths: The opened paths, as they were given.
        tracker: The tracker whose states are shown; None for none.
        project: Its project.
        version: Version of Stormlog.
        explanation: Why the run failed that failed last.
        history: The memory of that run.
        issues: All issues, the worst and latest first.
        accounts: The first of them in full.
        tracked: Fingerprint id -> what the tracker knows.
        skipped: What was skipped, files by path.
        session_count: Sessions under the opened paths.
        first_ns: When the first of them started.
        last_ns: When the last of them ended, or wrote last.
    """

    paths: tuple[str, ...]
    tracker: str | None
    project: str | None
    version: str
    explanation: Explanation
    history: MemoryHistory
    issues: tuple[IssueLine, ...]
    accounts: tuple[IssueAccount, ...]
    tracked: Mapping[str, TrackedIssue]
    skipped: tuple[SkippedFile, ...]
    session_count: int
    first_ns: int | None
    last_ns: int | None
    first = ReadableTime()
    last = ReadableTime()

    @property
    def shown(self) -> list[tuple[IssueLine, IssueAccount]]:
        """The issues that are shown in full, each with its account."""
        account_of = {account.fingerprint_id: account for account in self.accounts}
        return [
            (issue, account_of[issue.fingerprint_id])
            for issue in self.issues
            if issue.fingerprint_id in account_of
        ]

    @property
    def has_failure(self) -> bool:
        """Whether a rank of the explained run failed, or is lost."""
        return self.explanation.first_failure is not None or bool(self.explanation.run.ranks_lost)

    @property
    def has_findings(self) -> bool:
        """Whether a rank failed or is lost, or an open issue is severe."""
        return self.has_failure or any(issue.is_finding for issue in self.issues)

    @property
    def skipped_line_count(self) -> int:
        """Lines that were skipped."""
        return sum(found.line_count or 0 for found in self.skipped)
