"""A comparison of two runs as rows of tables, and as rows for programs. No input, no output.

Promise: what is not known is said to be not known. Text of telemetry stands in the rows as it was recorded; who prints
them makes it safe.
"""

from __future__ import annotations

from typing import Any, TypedDict

from stormlog.explaining import CHANGES, ComparedRun, FirstFailure, PeakChange, PhasePeak, RunDiff
from stormlog.presenting.moments import Moments
from stormlog.presenting.quantities import counted, human_count, human_difference, human_duration
from stormlog.presenting.texts import listed, ranges
from stormlog.presenting.why_headline import FAILURE_WORDS

__all__ = [
    "ComparisonRow",
    "comparison_rows",
    "issue_change_rows",
    "issue_changes_title",
    "peak_change_rows",
    "run_fact_rows",
]

#: Stands for the peak of a phase that a run never was in.
_NO_PHASE = "no such phase"
#: Stands for the whole run among phases.
_ALL = "*"
_OUTCOMES = {"running": "neither ended nor failed"}
_MOST_PATHS = 3


class ComparisonRow(TypedDict):
    """A row of a comparison: a fact of both runs, an issue, or the peak of a phase.

    Attributes:
        section: ``run``, ``issue`` or ``peak``.
        name: Of the fact, the fingerprint of the issue, or the phase; ``*`` for all of a run.
        metric: What the values are: of issues ``hit_count``, of peaks the metric; null of facts.
        change: Of an issue: new, gone or same.
        before: Value of the first run; null when it is not known, 0 for no hit.
        after: Value of the second run, likewise.
        difference: The second less the first, of numbers that are known.
        difference_percent: The same in percent of the first; of peaks.
        title: Of an issue.
    """

    section: str
    name: str
    metric: str | None
    change: str | None
    before: Any
    after: Any
    difference: int | None
    difference_percent: float | None
    title: str | None


def run_fact_rows(diff: RunDiff, moments: Moments) -> list[dict[str, Any]]:
    """Return what is known of both runs: rows with ``fact``, ``before`` and ``after``."""
    facts: dict[str, list[str | None]] = {
        "Run": [run.run_id for run in _runs(diff)],
        "Title": [run.title for run in _runs(diff)],
        "Below": [_paths(run) for run in _runs(diff)],
        "Attempts": [_attempts(run) for run in _runs(diff)],
        "Version": [listed(run.code_versions) or "not known" for run in _runs(diff)],
        "Outcome": [_outcome(run) for run in _runs(diff)],
        "Ranks": [_ranks(run) for run in _runs(diff)],
        "Sessions": [human_count(run.session_count) for run in _runs(diff)],
        "Started": [_started(run, moments) for run in _runs(diff)],
        "Duration": [_duration(run) for run in _runs(diff)],
    }
    if diff.before.paths == diff.after.paths:
        del facts["Below"]
    if facts["Title"] == [None, None]:
        del facts["Title"]
    return [{"fact": fact, "before": sides[0], "after": sides[1]} for fact, sides in facts.items()]


def issue_changes_title(diff: RunDiff) -> str:
    """Return how many issues are new, gone and the same."""
    return "Issues: " + ", ".join(f"{diff.issue_counts[change]:,} {change}" for change in CHANGES)


def issue_change_rows(diff: RunDiff) -> list[dict[str, Any]]:
    """Return a row for each issue, with its hits in both runs, and when both had it first and last."""
    rows = []
    for issue in diff.issues:
        sides = [side for side in (issue.before, issue.after) if side is not None]
        first = [side.first_ns for side in sides if side.first_ns is not None]
        last = [side.last_ns for side in sides if side.last_ns is not None]
        rows.append(
            {
                "change": issue.change,
                "number": None if issue.number is None else f"#{issue.number}",
                "status": issue.status,
                "short_id": issue.fingerprint_id.rpartition(":")[2][:12],
                "severity": issue.severity,
                "kind": issue.kind,
                "title": issue.title,
                "what": issue.what,
                "before": 0 if issue.before is None else issue.before.hit_count,
                "after": 0 if issue.after is None else issue.after.hit_count,
                "first_ns": min(first, default=None),
                "last_ns": max(last, default=None),
            }
        )
    return rows


def peak_change_rows(diff: RunDiff) -> list[dict[str, Any]]:
    """Return a row for each phase and metric, those of the whole run first under ``*``."""
    return [
        {
            "phase": _ALL if peak.phase is None else peak.phase,
            "metric": peak.metric,
            "before": _peak_bytes(peak.before),
            "after": _peak_bytes(peak.after),
            "difference": None if peak.difference_bytes is None else human_difference(peak.difference_bytes),
            "percent": _percent(peak.difference_percent),
            "before_rank": None if peak.before is None else peak.before.rank,
            "after_rank": None if peak.after is None else peak.after.rank,
            "unknown": _unknown(peak),
        }
        for peak in diff.peaks
    ]


def comparison_rows(diff: RunDiff) -> list[ComparisonRow]:
    """Return everything as rows of one shape, for programs: of the runs, of the issues, and of the peaks.

    Numbers of issues are hits; what one run has nothing of is 0 there, and what is not known is None.
    """
    rows = [
        _row("run", name=name, before=before, after=after, difference=_difference(before, after))
        for name, before, after in _facts(diff)
    ]
    for issue in diff.issues:
        before, after = (0 if side is None else side.hit_count for side in (issue.before, issue.after))
        rows.append(
            _row(
                "issue",
                name=issue.fingerprint_id,
                metric="hit_count",
                change=issue.change,
                before=before,
                after=after,
                difference=after - before,
                title=issue.title,
            )
        )
    for peak in diff.peaks:
        rows.append(
            _row(
                "peak",
                name=_ALL if peak.phase is None else peak.phase,
                metric=peak.metric,
                before=None if peak.before is None else peak.before.peak_bytes,
                after=None if peak.after is None else peak.after.peak_bytes,
                difference=peak.difference_bytes,
                percent=peak.difference_percent,
            )
        )
    return rows


def _row(
    section: str,
    name: str,
    before: Any,
    after: Any,
    difference: int | None,
    *,
    metric: str | None = None,
    change: str | None = None,
    percent: float | None = None,
    title: str | None = None,
) -> ComparisonRow:
    return {
        "section": section,
        "name": name,
        "metric": metric,
        "change": change,
        "before": before,
        "after": after,
        "difference": difference,
        "difference_percent": percent,
        "title": title,
    }


def _facts(diff: RunDiff) -> list[tuple[str, Any, Any]]:
    names: tuple[str, ...] = (
        "run_id",
        "attempt",
        "attempt_count",
        "outcome",
        "session_count",
        "code_versions",
        "world_size",
    )
    names += ("ranks_failed", "ranks_lost", "started_ns", "last_ns", "duration_ns")
    return [(name, *(_plain(getattr(run, name)) for run in _runs(diff))) for name in names]


def _plain(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value


def _difference(before: Any, after: Any) -> int | None:
    are_numbers = all(isinstance(value, int) for value in (before, after))
    return after - before if are_numbers else None


def _runs(diff: RunDiff) -> tuple[ComparedRun, ComparedRun]:
    return diff.before, diff.after


def _paths(run: ComparedRun) -> str:
    more = len(run.paths) - _MOST_PATHS
    return ", ".join([*run.paths[:_MOST_PATHS], *([f"{more:,} more"] if more > 0 else [])])


def _attempts(run: ComparedRun) -> str:
    if run.attempt is None:
        return human_count(run.attempt_count)
    return f"only {run.attempt} of {human_count(run.attempt_count)}"


def _outcome(run: ComparedRun) -> str:
    failure = run.first_failure
    if failure is None:
        return _OUTCOMES.get(run.outcome, run.outcome)
    return _failure(failure)


def _failure(failure: FirstFailure) -> str:
    rank = "a rank" if failure.rank is None else f"rank {failure.rank}"
    phase = "" if failure.phase is None else f" in {failure.phase}"
    return f"{rank} {FAILURE_WORDS.get(failure.kind, 'failed')}{phase}"


def _ranks(run: ComparedRun) -> str:
    of = "" if run.world_size is None else f" of {human_count(run.world_size)}"
    parts = [f"{human_count(len(run.ranks_seen))}{of}"]
    for word, numbers in (
        ("failed", run.ranks_failed),
        ("lost", run.ranks_lost),
        ("running", run.ranks_running),
    ):
        if numbers:
            parts.append(f"{'rank' if len(numbers) == 1 else 'ranks'} {ranges(numbers)} {word}")
    return "; ".join(parts)


def _started(run: ComparedRun, moments: Moments) -> str:
    if run.started_ns is None:
        return "not known"
    time = moments.text(run.started_ns)
    return time if moments.now_ns is not None else f"{time} {moments.label}"


def _duration(run: ComparedRun) -> str:
    if run.duration_ns is None:
        return "not known"
    return human_duration(run.duration_ns) + (" so far" if run.outcome == "running" else "")


def _percent(value: float | None) -> str | None:
    if value is None:
        return None
    text = f"{value:+.1f} %"
    return "0.0 %" if text[1:] == "0.0 %" else text


def _peak_bytes(peak: PhasePeak | None) -> int | str | None:
    return _NO_PHASE if peak is None else peak.peak_bytes


def _unknown(peak: PeakChange) -> str | None:
    """Return of how many ranks no sample says how much they needed, where that is not none of them."""
    parts = [
        f"{counted(side.unknown_count, 'rank')} {word}"
        for word, side in (("before", peak.before), ("after", peak.after))
        if side is not None and side.unknown_count
    ]
    return ", ".join(parts) or None
