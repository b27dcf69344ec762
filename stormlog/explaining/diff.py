"""Compares two runs, of one store or of two."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, NamedTuple

from stormlog.errors import SourceError, UnknownIdError
from stormlog.explaining.asking import Ask, Store
from stormlog.explaining.attempts import Attempt, list_attempts, run_named
from stormlog.explaining.diff_models import (
    CHANGES,
    ComparedRun,
    IssueChange,
    IssueHits,
    PeakChange,
    PhasePeak,
    RunDiff,
)
from stormlog.explaining.failures import first_failure, list_failures
from stormlog.explaining.phases import Moment, phases_at
from stormlog.explaining.ranks import Rank, clock_spread_ns, list_ranks
from stormlog.issues.what import what_of

__all__ = ["WantedRun", "compare_runs"]

#: Runs that an error names.
_NAMED = 10


class WantedRun(NamedTuple):
    """A run to compare.

    Attributes:
        store: What is asked.
        run_id: The run, by its id or its job; None for the only one that there is.
        attempt: Only this attempt of it; None for all of them.
    """

    store: Store
    run_id: str | None = None
    attempt: int | None = None


class _Issue(NamedTuple):
    """A row of `sql/queries/diff_issues.sql`."""

    fingerprint_id: str
    kind: str
    severity: str
    title: str
    dimensions: str
    hit_count: int
    session_count: int
    ranks: list[int]
    first_ns: int | None
    last_ns: int | None


class _Side(NamedTuple):
    """One side with what it is compared by."""

    run: ComparedRun
    issues: dict[str, _Issue]
    peaks: dict[tuple[str | None, str], PhasePeak]


def compare_runs(before: WantedRun, after: WantedRun) -> RunDiff:
    """Return what differs between two runs.

    Args:
        before: The run to compare with.
        after: The run that is compared with it. Of the tracker, that of its store counts.

    Raises:
        UnknownIdError: there is no such run or attempt, or none is named where there are several.
        SourceError: there is no telemetry.

    Source: docs/diff.md.
    """
    first, second = _side(before), _side(after)
    issues = [_issue_change(after.store, first, second, name) for name in _fingerprints(first, second)]
    changes = [issue.change for issue in issues]
    keys = sorted(first.peaks | second.peaks, key=lambda key: (key[0] is not None, key[0] or ""))
    one, other = first.run, second.run
    return RunDiff(
        before=one,
        after=other,
        is_same_run=(one.paths, one.run_id, one.attempt) == (other.paths, other.run_id, other.attempt),
        issue_counts={change: changes.count(change) for change in CHANGES},
        issues=tuple(issues),
        peaks=tuple(_peak_change(first, second, *key) for key in keys),
    )


def _side(wanted: WantedRun) -> _Side:
    store, attempt = wanted.store, wanted.attempt
    try:
        attempts = list_attempts(store.ask)
    except SourceError as error:
        if error.path is not None:
            raise
        # Of two sides it matters which.
        raise SourceError(str(error), path=", ".join(store.paths)) from None
    run_id = _chosen_run(store, attempts, wanted.run_id)
    of_run = {found.attempt: found for found in attempts if found.run_id == run_id}
    if attempt is not None and attempt not in of_run:
        numbers = ", ".join(map(str, sorted(of_run)))
        message = f"run {run_id!r} has no attempt {attempt}; it has {numbers}"
        raise UnknownIdError("attempt", str(attempt), message=message)
    parameters = {"run_id": run_id, "attempt": attempt}
    issues = [_Issue(*row) for row in store.ask("diff_issues", parameters)]
    return _Side(
        _compared_run(store, of_run, run_id, attempt),
        {issue.fingerprint_id: issue for issue in issues},
        {(phase, metric): PhasePeak(*peak) for phase, metric, *peak in store.ask("diff_peaks", parameters)},
    )


def _chosen_run(store: Store, attempts: Sequence[Attempt], name: str | None) -> str:
    run_ids = sorted({attempt.run_id for attempt in attempts})
    if name is None:
        if len(run_ids) > 1:
            paths, example = ", ".join(store.paths), f"{store.paths[0]}::{run_ids[0]}"
            message = (
                f"{paths} holds {len(run_ids):,} runs: {_shown(run_ids)}; name one of them, as in {example}"
            )
            raise UnknownIdError("run", "", message=message)
        return run_ids[0]
    run_id = run_named(attempts, name)
    if run_id not in run_ids:
        paths = ", ".join(store.paths)
        message = f"no run {name!r} in {paths}; there are {_shown(run_ids)}"
        raise UnknownIdError("run", name, message=message)
    return run_id


def _shown(run_ids: Sequence[str]) -> str:
    more = f" and {len(run_ids) - _NAMED:,} more" if len(run_ids) > _NAMED else ""
    return ", ".join(run_ids[:_NAMED]) + more


def _compared_run(store: Store, of_run: dict[int, Attempt], run_id: str, attempt: int | None) -> ComparedRun:
    # The last attempt says how the run ended.
    told = of_run[max(of_run) if attempt is None else attempt]
    of_attempt = {"run_id": run_id, "attempt": told.attempt, "session_id": None}
    ranks = list_ranks(store, of_attempt)
    failures = list_failures(store.ask, of_attempt)
    moments = [
        Moment(f.session_id, f.rank, f.timestamp_ns, f.origin_thread_json, f.origin_scope_json)
        for f in failures[:1]
        if f.rank is not None and f.timestamp_ns is not None
    ]
    failure = first_failure(
        failures,
        {rank.rank: rank.host for rank in ranks},
        clock_spread_ns(store.ask, of_attempt, ranks) if failures else None,
        phases_at(store.ask, moments),
    )
    return ComparedRun(
        paths=tuple(store.paths),
        run_id=run_id,
        title=told.title,
        attempt=attempt,
        attempt_count=len(of_run),
        outcome=_outcome(ranks, has_failed=failure is not None),
        first_failure=failure,
        ranks_seen=_ranks_in(ranks, None),
        ranks_failed=_ranks_in(ranks, "failed"),
        ranks_lost=_ranks_in(ranks, "lost"),
        ranks_running=_ranks_in(ranks, "running"),
        ambiguous=any(found.is_overlapping for found in of_run.values()),
        **_facts(store.ask, run_id, attempt),
    )


def _facts(ask: Ask, run_id: str, attempt: int | None) -> dict[str, Any]:
    [(session_count, job_id, world_size, code_versions, started_ns, last_ns)] = ask(
        "diff_run", {"run_id": run_id, "attempt": attempt}
    )
    is_timed = started_ns is not None and last_ns is not None
    return {
        "session_count": session_count,
        "job_id": job_id,
        "world_size": world_size,
        "code_versions": tuple(code_versions),
        "started_ns": started_ns,
        "last_ns": last_ns,
        "duration_ns": max(last_ns - started_ns, 0) if is_timed else None,
    }


def _outcome(ranks: Sequence[Rank], *, has_failed: bool) -> str:
    states = {rank.state for rank in ranks}
    if has_failed:
        return "failed"
    return next((state for state in ("lost", "running") if state in states), "ended")


def _ranks_in(ranks: Sequence[Rank], state: str | None) -> tuple[int, ...]:
    return tuple(sorted({r.rank for r in ranks if r.rank is not None and state in (None, r.state)}))


def _fingerprints(first: _Side, second: _Side) -> list[str]:
    """Return the ids of all issues in the order in which they are listed."""
    new = [name for name in second.issues if name not in first.issues]
    gone = [name for name in first.issues if name not in second.issues]
    return [*new, *gone, *(name for name in second.issues if name in first.issues)]


def _issue_change(store: Store, first: _Side, second: _Side, fingerprint_id: str) -> IssueChange:
    before, after = first.issues.get(fingerprint_id), second.issues.get(fingerprint_id)
    shown = after or before
    assert shown is not None
    tracked = store.tracked(fingerprint_id)
    return IssueChange(
        fingerprint_id=fingerprint_id,
        change="new" if before is None else "gone" if after is None else "same",
        kind=shown.kind,
        severity=shown.severity,
        title=shown.title,
        what=what_of(shown.kind, json.loads(shown.dimensions), {}, fingerprint_id),
        number=None if tracked is None else tracked.number,
        status=None if tracked is None else tracked.status or tracked.state,
        before=_hits(before),
        after=_hits(after),
    )


def _hits(issue: _Issue | None) -> IssueHits | None:
    if issue is None:
        return None
    return IssueHits(issue.hit_count, issue.session_count, tuple(issue.ranks), issue.first_ns, issue.last_ns)


def _peak_change(first: _Side, second: _Side, phase: str | None, metric: str) -> PeakChange:
    before, after = first.peaks.get((phase, metric)), second.peaks.get((phase, metric))
    difference = percent = None
    if (
        before is not None
        and after is not None
        and before.peak_bytes is not None
        and after.peak_bytes is not None
    ):
        difference = after.peak_bytes - before.peak_bytes
        percent = round(100 * difference / before.peak_bytes, 2) if before.peak_bytes else None
    return PeakChange(phase, metric, before, after, difference, percent)
