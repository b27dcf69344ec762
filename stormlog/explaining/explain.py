"""Explains one attempt of a run: who failed first, where its memory went, and where else it happened."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, NamedTuple

from stormlog.explaining.asking import Ask, Store
from stormlog.explaining.attempts import Attempt, Choice, choose, list_attempts, others_of_its_job
from stormlog.explaining.failures import Failure, first_failure, list_failures
from stormlog.explaining.growth_phases import growth_phase
from stormlog.explaining.memory import Series, account, growth_against, near_full, odd_ranks
from stormlog.explaining.models import (
    CommandExit,
    EarlierGrowth,
    ExplainedRun,
    Explanation,
    MemoryAccount,
    OtherRun,
    PriorHits,
    RankState,
    SameIssue,
)
from stormlog.explaining.next_steps import next_steps
from stormlog.explaining.phases import Moment, PhaseAt, phases_at
from stormlog.explaining.ranks import Rank, clock_spread_ns, has_failed, list_ranks
from stormlog.explaining.timeline_models import MemoryTimeline
from stormlog.explaining.timelines import timeline_around

__all__ = ["explain"]

#: A larger world is not believed: the list of its missing ranks would fill the memory of this process.
_MOST_RANKS = 1_000_000


class _Scope(NamedTuple):
    """What is explained, with its ranks and failures."""

    choice: Choice
    ranks: list[Rank]
    failures: list[Failure]
    until_ns: int | None

    @property
    def parameters(self) -> dict[str, Any]:
        """The parameters that statements about the attempt have in common."""
        attempt = self.choice.attempt
        return {
            "run_id": attempt.run_id,
            "attempt": attempt.attempt,
            "session_id": self.choice.session_id,
        }

    @property
    def failed_ns(self) -> int | None:
        """When the first rank failed."""
        return self.failures[0].timestamp_ns if self.failures else None


def explain(
    store: Store,
    *,
    run_id: str | None = None,
    session_id: str | None = None,
    issue: str | None = None,
    attempt: int | None = None,
    at_ns: int | None = None,
) -> Explanation:
    """Explain a run; by default the one that failed last.

    Args:
        store: What is asked.
        run_id: A run, by its id.
        session_id: A session: its run, and the account of its memory.
        issue: A fingerprint id: the run of its latest evidence.
        attempt: The attempt of the run, by its number; by default the one that failed last.
        at_ns: Ask for no failure: give the account of every series at its last sample not after this time.

    Raises:
        UnknownIdError: an id names nothing.
        SourceError: there is no telemetry.
    """
    attempts = list_attempts(store.ask)
    choice = choose(
        store.ask,
        attempts,
        lambda found: has_failed(store, found),
        run_id=run_id,
        session_id=session_id,
        issue=issue,
        attempt_number=attempt,
        at_ns=at_ns,
    )
    scope = _scope(store, choice, at_ns)
    all_series = _series(store.ask, scope.parameters, scope.until_ns)
    run = _run(store.ask, scope)
    others = tuple(
        OtherRun(other.run_id, other.attempt, other.failed_ns, other.code_version) for other in choice.others
    )
    phases = phases_at(store.ask, _moments(scope))
    ranks = _rank_states(scope, all_series, phases, at_ns)
    if at_ns is not None:
        accounts = tuple(account(series, until_ns=at_ns) for series in all_series)
        return Explanation(
            run,
            accounts=accounts,
            ranks=ranks,
            near_full=tuple(near_full(all_series)),
            other_runs=others,
            at_ns=at_ns,
        )
    failure = first_failure(
        scope.failures, {r.rank: r.host for r in scope.ranks}, run.clock_spread_ns, phases
    )
    before, before_total = _before(store.ask, scope) if scope.failures else ((), 0)
    # Nobody knows whose memory to look at where several ranks may have failed first.
    is_known = failure is None or failure.rank is not None or session_id is not None
    series = _series_to_show(scope, all_series) if is_known else None
    memory = None
    if series is not None:
        is_its_own = failure is not None and failure.session_id == series.session_id
        requested = failure.requested_bytes if failure is not None and is_its_own else None
        memory = account(
            series, until_ns=scope.failed_ns, has_failed=failure is not None, requested_bytes=requested
        )
        memory = replace(memory, **growth_phase(store.ask, series, memory.timestamp_ns))
    return Explanation(
        run=run,
        first_failure=failure,
        memory=memory,
        against_last_good=_against_last_good(store.ask, scope, attempts, series),
        ranks=ranks,
        odd_ranks=tuple(odd_ranks(all_series, len(run.ranks_seen))) if scope.failures else (),
        near_full=tuple(near_full(all_series)) if scope.failures else (),
        before=before,
        before_total=before_total,
        same_as=_same_as(store, scope, attempts),
        next=next_steps(store, choice.attempt.run_id, failure, others),
        other_runs=others,
        exits=tuple(CommandExit(*row) for row in store.ask("why_exits", scope.parameters)),
        timeline=_timeline(store.ask, memory, scope.until_ns),
    )


def _timeline(ask: Ask, memory: MemoryAccount | None, time_ns: int | None) -> MemoryTimeline | None:
    if memory is None or memory.device_id is None or time_ns is None:
        return None
    return timeline_around(ask, memory.session_id, memory.rank, memory.device_id, time_ns)


def _scope(store: Store, choice: Choice, at_ns: int | None) -> _Scope:
    """Return the ranks and failures of what was chosen, up to a time."""
    attempt = choice.attempt
    parameters = {"run_id": attempt.run_id, "attempt": attempt.attempt, "session_id": choice.session_id}
    ranks = list_ranks(store, parameters)
    failures = list_failures(store.ask, parameters)
    until_ns = at_ns
    if until_ns is None and failures:
        until_ns = failures[0].timestamp_ns
    if until_ns is None:
        asked = choice.asked_session_id
        of_peak = parameters if asked is None else {**parameters, "session_id": asked}
        [(until_ns,)] = store.ask("why_peak", of_peak)
    return _Scope(choice, ranks, failures, until_ns)


def _series(ask: Ask, parameters: dict[str, Any], until_ns: int | None) -> list[Series]:
    return [Series(*row) for row in ask("memory_levels", {**parameters, "until_ns": until_ns})]


def _run(ask: Ask, scope: _Scope) -> ExplainedRun:
    attempt = scope.choice.attempt
    seen = {rank.rank for rank in scope.ranks if rank.rank is not None}

    def in_state(state: str) -> tuple[int, ...]:
        return tuple(sorted(r.rank for r in scope.ranks if r.state == state and r.rank is not None))

    is_whole = scope.choice.session_id is None and (attempt.world_size or 0) <= _MOST_RANKS
    return ExplainedRun(
        run_id=attempt.run_id,
        attempt=attempt.attempt,
        job_id=attempt.job_id,
        world_size=attempt.world_size,
        ranks_seen=tuple(sorted(seen)),
        ranks_missing=tuple(rank for rank in range(attempt.world_size or 0) if rank not in seen)
        if is_whole
        else (),
        ranks_failed=in_state("failed"),
        ranks_lost=in_state("lost"),
        ranks_running=in_state("running"),
        code_version=attempt.code_version,
        started_ns=min((rank.start_ns for rank in scope.ranks if rank.start_ns is not None), default=None),
        failed_ns=scope.failed_ns,
        clock_spread_ns=clock_spread_ns(ask, scope.parameters, scope.ranks),
        ambiguous=attempt.is_overlapping,
        last_ns=max((rank.last_ns for rank in scope.ranks if rank.last_ns is not None), default=None),
    )


def _moments(scope: _Scope) -> list[Moment]:
    """Return the moment of each rank at which its phase is shown: its failure, the first one, or its last record."""
    moments = [
        Moment(rank.session_id, rank.rank, min(scope.until_ns or rank.last_ns, rank.last_ns))
        for rank in scope.ranks
        if rank.rank is not None and rank.last_ns is not None
    ]
    return moments + [
        Moment(f.session_id, f.rank, f.timestamp_ns, f.origin_thread_json, f.origin_scope_json)
        for f in scope.failures
        if f.rank is not None and f.timestamp_ns is not None
    ]


def _rank_states(
    scope: _Scope, all_series: list[Series], phases: dict[tuple[str, int], PhaseAt], asked_ns: int | None
) -> tuple[RankState, ...]:
    used: dict[int, tuple[int, int | None]] = {}
    for series in all_series:
        if series.used_bytes is not None and series.used_bytes >= used.get(series.rank, (0, None))[0]:
            used[series.rank] = series.used_bytes, series.total_bytes
    order = {(f.session_id, f.rank): number for number, f in enumerate(scope.failures)}
    ranks = sorted(
        (rank for rank in scope.ranks if rank.rank is not None),
        key=lambda r: (order.get((r.session_id, r.rank), len(order)), r.rank or 0, r.session_id),
    )
    kinds = {(f.session_id, f.rank): f.kind for f in scope.failures}
    states = []
    for rank in ranks:
        used_bytes, total_bytes = used.get(rank.rank or 0, (None, None))
        phase = phases.get((rank.session_id, rank.rank or 0), PhaseAt(None, ())).phase
        is_later = asked_ns is not None and rank.failed_ns is not None and rank.failed_ns > asked_ns
        failed_ns = None if is_later else rank.failed_ns
        kind = None if failed_ns is None else kinds.get((rank.session_id, rank.rank))
        states.append(RankState(rank.rank or 0, rank.host, failed_ns, used_bytes, phase, total_bytes, kind))
    return tuple(states)


def _series_to_show(scope: _Scope, all_series: list[Series]) -> Series | None:
    """Return the series that the account is about: that of the session asked for, of the failure, or at its peak."""
    asked = scope.choice.asked_session_id
    candidates = [series for series in all_series if asked is None or series.session_id == asked]
    if scope.failures and (asked is None or asked == scope.failures[0].session_id):
        failure = scope.failures[0]
        candidates = [s for s in candidates if (s.session_id, s.rank) == (failure.session_id, failure.rank)]
        # An error that names no device (-1) tells less than the samples of those that the rank has.
        of_device = [
            s for s in candidates if s.device_id == failure.device_id and (s.has_samples or s.device_id >= 0)
        ]
        candidates = of_device or [s for s in candidates if s.has_samples] or candidates
    return max(candidates, key=lambda s: (s.used_bytes or 0) / (s.total_bytes or 1), default=None)


def _before(ask: Ask, scope: _Scope) -> tuple[tuple[PriorHits, ...], int]:
    rows = ask("why_before", {**scope.parameters, "until_ns": scope.failed_ns})
    hits = tuple(
        PriorHits(
            fingerprint_id=row[0],
            kind=row[1],
            severity=row[2],
            title=row[3],
            count=row[4],
            first_ns=row[5],
            last_ns=row[6],
            ranks=tuple(rank for rank in row[7] if rank is not None),
        )
        for row in rows
    )
    return hits, rows[0][8] if rows else 0


def _against_last_good(
    ask: Ask, scope: _Scope, attempts: list[Attempt], series: Series | None
) -> EarlierGrowth | None:
    if series is None or not scope.failures:
        return None
    for earlier in others_of_its_job(scope.choice.attempt, attempts):
        if earlier.may_have_failed or earlier.is_overlapping:
            continue
        parameters = {"run_id": earlier.run_id, "attempt": earlier.attempt, "session_id": None}
        of_rank = [found for found in _series(ask, parameters, None) if found.rank == series.rank]
        same_device = [found for found in of_rank if found.device_id == series.device_id]
        if of_rank:
            growth = growth_against(series, (same_device or of_rank)[0])
            return EarlierGrowth(earlier.run_id, earlier.code_version, growth)
    return None


def _same_as(store: Store, scope: _Scope, attempts: list[Attempt]) -> SameIssue | None:
    fingerprint_id = scope.failures[0].fingerprint_id if scope.failures else None
    if fingerprint_id is None:
        return None
    with_it = {
        (run_id, number) for run_id, number, _ in store.ask("why_same", {"fingerprint_id": fingerprint_id})
    }
    tracked = store.tracked(fingerprint_id)
    this = scope.choice.attempt
    with_it.add(this[:2])
    if len(with_it) < 2 and tracked is None:
        return None
    by_start = sorted(attempts, key=lambda attempt: (attempt.start_ns or 0, attempt.run_id, attempt.attempt))
    earlier = [a for a in by_start if (a.start_ns or 0) < (this.start_ns or 0)]
    kin = {a[:2] for a in others_of_its_job(this, attempts)}
    runs = len({run_id for run_id, _ in with_it})
    first_version = next(attempt for attempt in by_start if attempt[:2] in with_it).code_version
    if tracked is not None and (tracked.first_seen_ns or this.start_ns or 0) < (this.start_ns or 0):
        # The tracker has seen runs that were not opened now; it may not have seen this one yet.
        first_version = tracked.first_seen_version or first_version
        is_counted = tracked.last_seen_ns is not None and tracked.last_seen_ns >= (this.start_ns or 0)
        runs = max(runs, (tracked.run_count or 0) + (0 if is_counted else 1))
    without = [a for a in earlier if a[:2] not in with_it and a[:2] in kin and a.code_version is not None]
    return SameIssue(
        issue=fingerprint_id if tracked is None or tracked.issue_id is None else tracked.issue_id,
        number=None if tracked is None else tracked.number,
        status=None if tracked is None else tracked.status or tracked.state,
        first_version=first_version,
        last_version_without=without[-1].code_version if without else None,
        runs=runs,
    )
