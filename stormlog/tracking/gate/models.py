"""What a gate compares with, and what it found."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Annotated, Any, Final, TypedDict

from stormlog._readable_times import ReadableTime
from stormlog.explaining import BudgetResult
from stormlog.issues import IgnoreRule
from stormlog.issues.sidecar import TrackedState
from stormlog.tracking.documents import SkippedInput
from stormlog.tracking.repository import Repository

__all__ = ["FAILURES", "Baseline", "GateDocument", "GateIssue", "GateReport"]

#: What a gate may fail on.
FAILURES: Final = ("new", "regressed", "recurring", "pending")


@dataclass(frozen=True)
class Baseline:
    """What is known already.

    Attributes:
        source: Where that is written.
        states: One per fingerprint, app and development.
        version_order: How versions compare; see `compare_versions`.
        regress_on_equal: Whether the fix version itself, seen again, makes an issue regressed.
        first_seen: (app, version of the code) -> its earliest event, nanoseconds since the Unix epoch.
        repo: Git repository that knows which commit is newer.
        ignore: Rules by which issues are ignored.
    """

    source: str
    states: Sequence[TrackedState]
    version_order: str = "auto"
    regress_on_equal: bool = False
    first_seen: Mapping[tuple[str, str], int] = field(default_factory=dict)
    repo: str | Repository | None = None
    ignore: Sequence[IgnoreRule] = ()


@dataclass(frozen=True)
class GateIssue:
    """An issue that the paths hold.

    Attributes:
        fingerprint_id: What makes it the same issue.
        outcome: new, regressed, recurring, known, ignored, older: resolved, and only versions from before the fix
            have it; or pending: it would be one of the first three, but all sessions with it may still grow, and
            what it rests on may become something else.
        app: Training program.
        is_dev: Whether it comes from development runs.
        session_count: Sessions with it below the paths; likewise all other counts and times.
        code_versions: Versions of the code that have it.
        issue_id: The issue that it is known as.
        fix_version: Version that it was resolved in.
        basis: What the comparison of versions rests on; see `Comparison`.
        what: What tells it from issues of the same title.
    """

    fingerprint_id: str
    outcome: str
    app: str
    is_dev: bool
    kind: str
    severity: str
    title: str
    session_count: int
    run_count: int
    hit_count: int
    first_seen_ns: int | None
    last_seen_ns: int | None
    code_versions: Sequence[str]
    issue_id: str | None
    fix_version: str | None
    basis: str | None
    what: str = ""
    first_seen = ReadableTime()
    last_seen = ReadableTime()

    def as_dict(self) -> dict[str, Any]:
        """Return all fields in order, JSON-ready."""
        return asdict(self)


class GateDocument(TypedDict):
    """What `GateReport.as_dict` returns.

    Attributes:
        failed: Whether something was found that the gate fails on.
        counts: Number of issues by outcome.
        new: Issues that the baseline does not know; likewise the next three, see `GateIssue.outcome`.
        budgets: What became of each budget of memory, in the order in which they were given.
    """

    failed: bool
    fail_on: list[str]
    baseline: str
    counts: dict[str, int]
    new: list[Annotated[dict[str, Any], GateIssue]]
    regressed: list[Annotated[dict[str, Any], GateIssue]]
    recurring: list[Annotated[dict[str, Any], GateIssue]]
    pending: list[Annotated[dict[str, Any], GateIssue]]
    budgets: list[Annotated[dict[str, Any], BudgetResult]]
    sources_seen: int
    sessions_scanned: int
    lines_skipped: int
    warnings: list[SkippedInput]


@dataclass(frozen=True)
class GateReport:
    """What a gate found.

    Attributes:
        baseline: What the paths were compared with.
        fail_on: Outcomes that make it fail.
        issues: All that the paths hold, the worst first.
        sources_seen: Files and bundles below the paths.
        sessions_scanned: Sessions in them.
        lines_skipped: Lines that are no valid records.
        warnings: What was skipped.
        left_out: Number of issues that do not count because they do not fit a filter.
        budgets: What became of the budgets of memory, in the order in which they were given.
        fails_on_unknown: Whether a budget of which not all is known makes it fail.
    """

    baseline: str
    fail_on: Sequence[str]
    issues: Sequence[GateIssue]
    sources_seen: int
    sessions_scanned: int
    lines_skipped: int
    warnings: Sequence[SkippedInput]
    left_out: int = 0
    budgets: Sequence[BudgetResult] = ()
    fails_on_unknown: bool = False

    @property
    def failed(self) -> bool:
        """Whether something was found that the gate fails on: an issue, or a budget."""
        states = ("over", "unknown") if self.fails_on_unknown else ("over",)
        return any(issue.outcome in self.fail_on for issue in self.issues) or any(
            budget.state in states for budget in self.budgets
        )

    @property
    def counts(self) -> dict[str, int]:
        """Number of issues by outcome."""
        outcomes = [issue.outcome for issue in self.issues]
        return {name: outcomes.count(name) for name in (*FAILURES, "known", "ignored", "older")}

    def of(self, outcome: str) -> list[GateIssue]:
        """Return the issues of one outcome, the worst first."""
        return [issue for issue in self.issues if issue.outcome == outcome]

    def as_dict(self) -> GateDocument:
        """Return the answer, JSON-ready; issues that are nobody's concern are only counted."""
        return {
            "failed": self.failed,
            "fail_on": list(self.fail_on),
            "baseline": self.baseline,
            "counts": self.counts,
            "new": self._documents("new"),
            "regressed": self._documents("regressed"),
            "recurring": self._documents("recurring"),
            "pending": self._documents("pending"),
            "budgets": [budget.as_dict() for budget in self.budgets],
            "sources_seen": self.sources_seen,
            "sessions_scanned": self.sessions_scanned,
            "lines_skipped": self.lines_skipped,
            "warnings": list(self.warnings),
        }

    def _documents(self, outcome: str) -> list[dict[str, Any]]:
        return [issue.as_dict() for issue in self.of(outcome)]
