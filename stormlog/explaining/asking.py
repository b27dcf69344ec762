"""What an explanation asks of a store: the rows of a statement, and what is tracked of an issue."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from stormlog.issues.sidecar import TrackedState

__all__ = ["STATEMENTS", "Ask", "Store"]

#: Name of a statement in ``sql/queries``, parameters -> rows.
Ask = Callable[[str, Mapping[str, Any]], list[tuple[Any, ...]]]

#: Statement -> the views that it selects from, for those who prepare them.
STATEMENTS = {
    "why_attempts": "run_attempts",
    "why_place": "run_sessions issue_evidence",
    "why_ranks": "run_ranks",
    "why_failures": "failures",
    "why_exits": "run_sessions",
    "why_files": "run_sessions",
    "why_phases": "phase_spans",
    "why_growth_phases": "events phase_spans",
    "why_before": "failures issue_evidence run_sessions",
    "why_same": "issue_evidence run_sessions",
    "why_clocks": "phase_spans run_sessions",
    "why_peak": "memory_account run_sessions",
    "budget_ranks": "phase_peaks run_sessions",
    "budget_phases": "phase_spans",
    "diff_run": "run_sessions",
    "diff_issues": "issue_evidence issues run_sessions",
    "diff_peaks": "phase_peaks",
    "memory_levels": "memory_account phase_spans run_sessions",
    "history_memory": "memory_account run_sessions",
    "history_marks": "failures issue_evidence run_sessions",
    "issue_ids": "issues",
    "issue_facts": "issues",
    "issue_runs": "issue_evidence run_sessions",
    "issue_spread": "issue_values",
    "issue_buckets": "issue_trend",
    "issue_places": "issue_evidence memory_gaps",
    "issue_bundle": "issue_evidence oom_bundles",
    "issue_series": "failures issue_evidence memory_account",
    "timeline_points": "memory_account",
    "timeline_phases": "phase_spans",
    "timeline_marks": "failures issue_evidence",
}


class Store(NamedTuple):
    """What is asked.

    Attributes:
        ask: Answers of one moment.
        tracked: Fingerprint id -> what a tracker or sidecar says about it.
        modified_ns: Path of a file -> when it was modified, nanoseconds since the Unix epoch.
        paths: The opened paths.
        tracker: Path of the tracker, if there is one.
        now_ns: Nanoseconds since the Unix epoch.
    """

    ask: Ask
    tracked: Callable[[str], TrackedState | None]
    modified_ns: Callable[[], Mapping[str, int]]
    paths: Sequence[str]
    tracker: str | None
    now_ns: int
