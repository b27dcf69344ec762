"""The ranks that matter in an explanation, and what is to be said about each."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from stormlog._values import frozen_class
from stormlog.explaining import Explanation, FirstFailure, MemoryAccount, OddRank, RankState
from stormlog.presenting.quantities import human_bytes, human_count, human_difference, human_duration
from stormlog.presenting.why_headline import FAILURE_WORDS
from stormlog.presenting.why_sentences import COMPONENT_NAMES

__all__ = ["NotableRank", "bar_scale", "notable_ranks", "other_ranks", "used_bytes"]


@frozen_class
class NotableRank:
    """A rank that failed, is lost, deviates from the others or has a device that is nearly full.

    Args:
        rank: Its number.
        host: Its machine, if known.
        used_bytes: Memory in use at its last sample; None if not known.
        remarks: Why it matters, the most important first. Differences with a sign are those from the median of all
            ranks.
        phase: The phase that it was in.
        is_first: Whether it failed first, or may have.
    """

    rank: int
    host: str | None
    used_bytes: int | None
    remarks: tuple[str, ...]
    phase: str | None
    is_first: bool


def notable_ranks(explanation: Explanation) -> list[NotableRank]:
    """Return the ranks that matter: the first failure, odd ones, other failures, nearly full ones, lost ones.

    Ranks that deviated from the others from the beginning come last.
    """
    failure = explanation.first_failure
    first = (
        set() if failure is None else {failure.rank} if failure.rank is not None else set(failure.candidates)
    )
    states = {state.rank: state for state in explanation.ranks}
    failed = [state.rank for state in explanation.ranks if state.failed_ns is not None]
    wanted = [
        *sorted(rank for rank in first if rank is not None),
        *(odd.rank for odd in explanation.odd_ranks if not odd.since_start),
        *failed,
        *(full.rank for full in explanation.near_full),
        *explanation.run.ranks_lost,
        *(odd.rank for odd in explanation.odd_ranks if odd.since_start),
    ]
    remarks_of = _remarks(explanation)
    return [
        NotableRank(
            rank=rank,
            host=states[rank].host if rank in states else None,
            used_bytes=states[rank].used_bytes if rank in states else None,
            remarks=remarks_of(rank, states.get(rank)),
            phase=states[rank].phase if rank in states else None,
            is_first=rank in first,
        )
        for rank in dict.fromkeys(wanted)
    ]


def other_ranks(explanation: Explanation, notable: Sequence[NotableRank]) -> str | None:
    """Return how many other ranks there are and how much they used; None where there are none."""
    named = {rank.rank for rank in notable}
    others = [state for state in explanation.ranks if state.rank not in named]
    if not others:
        return None
    used = [state.used_bytes for state in others if state.used_bytes is not None]
    if not used:
        return _others(len(others))
    least, most = human_bytes(min(used)), human_bytes(max(used))
    known = (
        f"{_others(len(used))} used {least}"
        if least == most
        else f"{_others(len(used))} used {least} to {most}"
    )
    unknown = len(others) - len(used)
    return f"{known}; of {human_count(unknown)} more it is not known" if unknown else known


def _others(count: int) -> str:
    return f"{human_count(count)} {'other' if count == 1 else 'others'}"


def _remarks(explanation: Explanation) -> Callable[[int, RankState | None], tuple[str, ...]]:
    failure = explanation.first_failure
    odd_of = {odd.rank: odd for odd in explanation.odd_ranks}
    lost = set(explanation.run.ranks_lost)
    full_of: dict[int, str] = {}
    for full in explanation.near_full:
        share = f"{100 * full.used_bytes // full.total_bytes} % full" if full.total_bytes else "nearly full"
        full_of.setdefault(full.rank, share)

    def remarks(rank: int, state: RankState | None) -> tuple[str, ...]:
        found = []
        own = None if failure is None else _failure(explanation, failure, rank, state)
        if own is not None:
            found.append(own)
        if rank in lost:
            found.append("lost")
        if rank in odd_of:
            found.append(_deviation(odd_of[rank]))
        if rank in full_of:
            found.append(full_of[rank])
        return tuple(found)

    return remarks


def _failure(
    explanation: Explanation, failure: FirstFailure, rank: int, state: RankState | None
) -> str | None:
    """Return how a rank failed and when; None if it did not."""
    if rank == failure.rank:
        when = " first" if len(explanation.run.ranks_failed) > 1 else ""
    elif state is None or state.failed_ns is None:
        return None
    else:
        started = None if failure.rank is None else failure.timestamp_ns
        later = None if started is None else state.failed_ns - started
        when = "" if later is None or later < 0 else f" {human_duration(later)} later"
    if failure.survived:
        return f"ran out of memory{when}, went on"
    kind = failure.kind if rank == failure.rank or state is None else state.kind
    # Failures of one kind need no name.
    return f"{FAILURE_WORDS[kind] if kind in FAILURE_WORDS and kind != failure.kind else 'failed'}{when}"


def _deviation(odd: OddRank) -> str:
    since = " from the start" if odd.since_start else ""
    return f"{human_difference(odd.bytes_from_median)} {COMPONENT_NAMES.get(odd.component, odd.component)}{since}"


def bar_scale(explanation: Explanation) -> int | None:
    """Return how many bytes a full bar stands for: the size of the device whose account is shown, else the most that
    a rank used; None where neither is known.
    """
    memory = explanation.memory
    if memory is not None and memory.total_bytes:
        return memory.total_bytes
    return max((state.used_bytes or 0 for state in explanation.ranks), default=0) or None


def used_bytes(account: MemoryAccount) -> int | None:
    """Return how much is used on the device of an account, as far as its parts are known; None if none is."""
    parts = [
        account.process_bytes,
        account.allocated_bytes,
        account.reserved_unused_bytes,
        account.outside_allocator_bytes,
    ]
    known = [part for part in parts if part is not None]
    return sum(known) if known else None
