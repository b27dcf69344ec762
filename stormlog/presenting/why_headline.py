"""How a run ended, in sentences: what failed first, how certain that is, and which ranks are absent."""

from __future__ import annotations

from collections.abc import Sequence

from stormlog.explaining import Explanation, FirstFailure
from stormlog.presenting.quantities import human_age, human_count, human_duration, human_time
from stormlog.presenting.texts import ranges

__all__ = ["FAILURE_WORDS", "absent_ranks", "doubt", "headline", "lost_ranks"]

#: Kind of a failure -> what its rank did.
FAILURE_WORDS = {"oom": "ran out of memory", "error": "failed with an error"}

_NS_PER_S = 1_000_000_000
#: A newest record that is older is said to be old.
_RECENT_NS = 600 * _NS_PER_S
#: Samples that are older than the time asked for by less are as good as samples of that time.
_SAME_TIME_NS = 60 * _NS_PER_S
#: Least difference of times of two hosts that is trusted.
_CLOCK_MARGIN_NS = _NS_PER_S


def headline(explanation: Explanation, now_ns: int | None = None) -> str:
    """Return who failed first and how, or that nothing failed.

    Args:
        explanation: What is known.
        now_ns: Time by the clock; without it, nothing is said of how old the newest record is.
    """
    run, failure = explanation.run, explanation.first_failure
    if failure is not None:
        return _failure_headline(explanation, failure)
    if explanation.at_ns is not None:
        return _headline_at(explanation, explanation.at_ns)
    # Other sessions of an ambiguous run may have failed.
    session = _explained_session(explanation) if run.ambiguous else None
    nothing = f"No failure was recorded{'' if session is None else f' in {session}'}"
    if run.ranks_lost:
        return (
            f"{nothing}, but {_ranks(run.ranks_lost)} {'was' if len(run.ranks_lost) == 1 else 'were'} lost."
        )
    if run.ranks_running:
        return f"{nothing}; {_ranks(run.ranks_running)} neither ended nor failed{_end(explanation, now_ns)}."
    return f"{nothing}." if run.ranks_missing or run.ambiguous else "No rank failed."


def _end(explanation: Explanation, now_ns: int | None) -> str:
    """Return when telemetry ends, where that was long ago."""
    last_ns = explanation.run.last_ns
    if last_ns is None or now_ns is None or now_ns - last_ns <= _RECENT_NS:
        return ""
    return f": telemetry ends at {human_time(last_ns)} UTC, {human_age(now_ns - last_ns)} ago"


def _headline_at(explanation: Explanation, at_ns: int) -> str:
    title = f"Memory at {human_time(at_ns)} UTC"
    count = len(explanation.accounts)
    if not count:
        return f"{title}: not known (no sample up to then)."
    old = [
        account.age_ns
        for account in explanation.accounts
        if account.age_ns is not None and account.age_ns >= _SAME_TIME_NS
    ]
    devices = f"{human_count(count)} {'device' if count == 1 else 'devices'}"
    if not old:
        return f"{title}: {devices}."
    least, most = human_age(min(old)), human_age(max(old))
    if len(old) < count:
        samples, are = ("sample", "is") if len(old) == 1 else ("samples", "are")
        of = f"{human_count(len(old))} of them"
        up_to = "" if least == most else "up to "
        return f"{title}: {devices}; the last {samples} of {of} {are} {up_to}{most} older."
    samples = "the last sample is" if count == 1 else "the last samples are"
    return f"{title}: {devices}; {samples} {least if least == most else f'{least} to {most}'} older."


def _failure_headline(explanation: Explanation, failure: FirstFailure) -> str:
    run = explanation.run
    how = FAILURE_WORDS.get(failure.kind, "failed")
    of = "" if run.world_size in (None, 1) else f" of {human_count(run.world_size)}"
    if failure.rank is None:
        if len(failure.candidates) < 2:
            return f"A rank{of} {how}; which one is not known."
        return f"One of the ranks {ranges(failure.candidates)}{of} {how} first."
    first = ""
    if len(run.ranks_failed) > 1:
        first = " first" if failure.certain else " first, as it seems,"
    if failure.survived:
        return f"Rank {failure.rank}{of} {how}{first} and went on for long after it{_nothing_for_good(explanation)}."
    if first:
        return f"Rank {failure.rank}{of} {how}{first.removesuffix(',')}{_memory_later(explanation, failure)}."
    is_alone = run.world_size == 1 or run.ambiguous
    return f"Rank {failure.rank}{of} {how}{'' if is_alone else '; no other failure was recorded'}."


def _nothing_for_good(explanation: Explanation) -> str:
    """Return what is said of other failures where the first one was survived."""
    run = explanation.run
    if run.ambiguous:
        return ""
    if run.ranks_lost or run.ranks_missing or run.ranks_running:
        return "; no failure for good was recorded"
    return "; no rank failed for good"


def _memory_later(explanation: Explanation, failure: FirstFailure) -> str:
    """Return which rank ran out of memory after one that failed with an error; nothing where none did."""
    others = [
        state for state in explanation.ranks if state.failed_ns is not None and state.rank != failure.rank
    ]
    out_of_memory = [state for state in others if state.kind == "oom"]
    if failure.kind != "error" or not out_of_memory:
        return ""
    rank, failed_ns = out_of_memory[0].rank, out_of_memory[0].failed_ns
    later = None
    if failure.timestamp_ns is not None and failed_ns is not None and failed_ns >= failure.timestamp_ns:
        later = f"{human_duration(failed_ns - failure.timestamp_ns)} later"
    if len(others) == 1:
        return f"; rank {rank} ran out of memory{'' if later is None else f' {later}'}"
    more = f"; {human_count(len(others))} more ranks failed, "
    if len(out_of_memory) == 1:
        return f"{more}rank {rank} out of memory{'' if later is None else f' {later}'}"
    count = human_count(len(out_of_memory))
    return f"{more}{count} of them out of memory (first rank {rank}{'' if later is None else f', {later}'})"


def doubt(explanation: Explanation, failure: FirstFailure) -> str | None:
    """Return why the order of the failures is not certain; None where it is."""
    if failure.certain:
        return None
    if failure.time_source == "bundle":
        if len(explanation.run.ranks_failed) < 2:
            return "The time is that of an OOM bundle: whole seconds."
        return "Which rank failed first is not certain: only OOM bundles tell, in whole seconds."
    spread_ns = explanation.run.clock_spread_ns
    margin_ns = max(_CLOCK_MARGIN_NS, spread_ns or 0)
    clocks = (
        "how far their clocks are apart is not known"
        if spread_ns is None
        else f"their clocks seem to be up to {human_duration(spread_ns)} apart"
    )
    return (
        f"Which rank failed first is not certain: {_rival(explanation, failure, margin_ns)}; differences of "
        f"{human_duration(margin_ns)} or less between hosts are not trusted ({clocks})."
    )


def _rival(explanation: Explanation, failure: FirstFailure, margin_ns: int) -> str:
    """Return which rank of another host failed soon after the first one, and how soon."""
    failed = "ran out of memory" if failure.survived else "failed"
    for state in explanation.ranks:
        if state.failed_ns is None or failure.timestamp_ns is None or state.host == failure.host:
            continue
        later_ns = state.failed_ns - failure.timestamp_ns
        if state.rank != failure.rank and 0 <= later_ns <= margin_ns:
            host = "another host" if state.host is None else state.host
            when = f"{human_duration(later_ns)} later" if later_ns else "at the same time"
            return f"rank {state.rank} on {host} {failed} {when}"
    return f"a rank of another host {failed} at about the same time"


def lost_ranks(explanation: Explanation) -> str | None:
    """Return which ranks are lost; None for none."""
    lost = explanation.run.ranks_lost
    return f"Lost: {_ranks(lost)}; telemetry ends with neither a stop nor a failure." if lost else None


def exits(explanation: Explanation) -> list[str]:
    """Return how commands ended whose ranks failed or are lost; ranks that ended alike are named together."""
    told = {*explanation.run.ranks_failed, *explanation.run.ranks_lost}
    ranks: dict[str, list[int]] = {}
    for found in explanation.exits:
        if found.rank in told:
            ranks.setdefault(found.summary, []).append(found.rank)
    return [
        f"{_ranks(sorted(numbers)).capitalize()}: {summary[:1].lower()}{summary[1:].removesuffix('.')}."
        for summary, numbers in ranks.items()
    ]


def absent_ranks(explanation: Explanation) -> list[str]:
    """Return what is to be said about ranks that are lost, missing or neither ended nor failed, and about ranks with
    several sessions at a time.
    """
    run = explanation.run
    lost = lost_ranks(explanation)
    sentences = [] if lost is None else [lost]
    sentences += exits(explanation)
    if run.ranks_missing:
        of = "" if run.world_size is None else f" of {human_count(run.world_size)}"
        them = "it" if len(run.ranks_missing) == 1 else "them"
        sentences.append(f"Missing: {_ranks(run.ranks_missing)}{of}; nothing of {them} was found.")
    # Without a failure and lost ranks, the headline says it.
    if run.ranks_running and (explanation.first_failure is not None or run.ranks_lost):
        sentences.append(f"Neither ended nor failed: {_ranks(run.ranks_running)}.")
    if run.ambiguous:
        only = _explained_session(explanation) or "one of them"
        sentences.append(f"Sessions of a rank overlap in time; only {only} is explained.")
    return sentences


def _explained_session(explanation: Explanation) -> str | None:
    """Return the session that an explanation of an ambiguous run is about."""
    of_failure = None if explanation.first_failure is None else explanation.first_failure.session_id
    of_memory = None if explanation.memory is None else explanation.memory.session_id
    session_id = of_failure or of_memory
    return None if session_id is None else f"session {session_id}"


def _ranks(numbers: Sequence[int]) -> str:
    return f"{'rank' if len(numbers) == 1 else 'ranks'} {ranges(numbers)}"
