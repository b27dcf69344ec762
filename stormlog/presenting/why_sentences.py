"""What an explanation says, in sentences: used by the screen, by Markdown and by the one line.

Promise: what is not known is said to be not known. Text of telemetry stands in the sentences as it was recorded; who
prints them makes it safe.
"""

from __future__ import annotations

from collections.abc import Sequence

from stormlog.explaining import Explanation, FirstFailure, MemoryAccount
from stormlog.presenting.quantities import (
    human_bytes,
    human_count,
    human_difference,
    human_duration,
    human_time,
)
from stormlog.presenting.texts import listed, ranges

__all__ = [
    "COMPONENT_NAMES",
    "absent_ranks",
    "device_number",
    "doubt",
    "error",
    "growth",
    "growth_since_last_good",
    "headline",
    "memory_title",
    "other_runs",
    "phase",
    "request",
    "run_name",
    "run_title",
    "same_elsewhere",
    "source",
    "when",
    "where",
]

#: Component -> how tables call it.
COMPONENT_NAMES = {
    "allocated": "allocated",
    "reserved_unused": "reserved but unused",
    "outside_allocator": "outside the allocator",
    "process": "used by the process",
    "free": "free",
}

#: Component -> how a sentence about it begins.
_SUBJECTS = {
    "allocated": "Allocated memory",
    "reserved_unused": "Memory that the allocator holds unused",
    "outside_allocator": "Memory outside the allocator",
    "process": "Memory of the process",
}

_PATTERNS = {
    "steady": ", steadily",
    "sudden": ", suddenly: half of it or more came at once",
}

_FAILED = {"oom": "ran out of memory", "error": "failed with an error"}


def run_name(run_id: str, attempt: int) -> str:
    """Return how a run and its attempt are called; the first attempt is not mentioned."""
    return f"run {run_id}" if attempt == 1 else f"run {run_id}, attempt {attempt}"


def run_title(explanation: Explanation) -> str:
    """Return the run, its version and its job."""
    run = explanation.run
    name = run_name(run.run_id, run.attempt)
    version = "version not known" if run.code_version is None else f"version {run.code_version}"
    # Runs that nobody named are called after their job.
    job = "" if run.job_id is None or run.job_id in run.run_id else f", job {run.job_id}"
    return f"{name[0].upper()}{name[1:]}, {version}{job}"


def headline(explanation: Explanation) -> str:
    """Return who failed first and how, or that nothing failed."""
    run, failure = explanation.run, explanation.first_failure
    if failure is not None:
        return _failure_headline(explanation, failure)
    if explanation.at_ns is not None:
        time = f"Memory at {human_time(explanation.at_ns)} UTC"
        if not explanation.accounts:
            return f"{time}: not known (no sample up to then)."
        return f"{time}: {_counted(len(explanation.accounts), 'series', 'series')}."
    if run.ranks_lost:
        return f"No failure was recorded, but {_ranks(run.ranks_lost)} {_were(run.ranks_lost)} lost."
    if run.ranks_running:
        return (
            f"No failure was recorded; {_ranks(run.ranks_running)} {_are(run.ranks_running)} still running."
        )
    return "No failure was recorded." if run.ranks_missing or run.ambiguous else "No rank failed."


def _failure_headline(explanation: Explanation, failure: FirstFailure) -> str:
    run = explanation.run
    how = _FAILED.get(failure.kind, "failed")
    of = "" if run.world_size in (None, 1) else f" of {human_count(run.world_size)}"
    if failure.rank is None:
        if len(failure.candidates) < 2:
            return f"A rank{of} {how}; which one is not known."
        return f"One of the ranks {ranges(failure.candidates)}{of} {how} first."
    if failure.survived:
        first = " first" if len(run.ranks_failed) > 1 else ""
        return f"Rank {failure.rank}{of} {how}{first} and went on for long after it; no rank failed for good."
    if len(run.ranks_failed) > 1:
        return f"Rank {failure.rank}{of} {how} {'first' if failure.certain else 'first, as it seems'}."
    alone = "" if run.world_size == 1 else "; no other failure was recorded"
    return f"Rank {failure.rank}{of} {how}{alone}."


def when(explanation: Explanation, failure: FirstFailure) -> str:
    """Return the time of the failure, how long the run had taken, and how long before the next one it was."""
    if failure.timestamp_ns is None:
        return "not known"
    parts = [f"{human_time(failure.timestamp_ns)} UTC"]
    started = explanation.run.started_ns
    if started is not None and started < failure.timestamp_ns:
        parts.append(f"{human_duration(failure.timestamp_ns - started)} into the run")
    if failure.lead_ns is not None and failure.rank is not None:
        others = [
            state.rank
            for state in explanation.ranks
            if state.failed_ns is not None and state.rank != failure.rank
        ]
        name = f"rank {others[0]}" if others else "the next rank"
        parts.append(f"{human_duration(failure.lead_ns)} before {name}")
    return ", ".join(parts)


def doubt(explanation: Explanation, failure: FirstFailure) -> str | None:
    """Return why the order of the failures is not certain; None where it is."""
    if failure.certain:
        return None
    if failure.time_source == "bundle":
        if len(explanation.run.ranks_failed) < 2:
            return "The time is that of an OOM bundle: whole seconds."
        return "Which rank failed first is not certain: only OOM bundles tell, in whole seconds."
    spread = explanation.run.clock_spread_ns
    clocks = (
        "how far the clocks of the hosts are apart is not known"
        if spread is None
        else f"the clocks of the hosts are up to {human_duration(spread)} apart"
    )
    return f"Which rank failed first is not certain: one of another host failed at almost the same time, and {clocks}."


def where(failure: FirstFailure) -> str:
    """Return host, device and session of the failure."""
    device = device_number(failure.device_id)
    parts = [
        None if failure.host is None else f"host {failure.host}",
        None if device is None else f"device {device}",
        None if failure.session_id is None else f"session {failure.session_id}",
    ]
    return ", ".join(part for part in parts if part is not None) or "not known"


def device_number(device_id: int | None) -> str | None:
    """Return the number of a device; None where there is none."""
    return None if device_id is None or device_id < 0 else str(device_id)


def phase(failure: FirstFailure) -> str:
    """Return the phase of the failure, and those that were left just before it."""
    left = f"left just before: {', '.join(failure.phase_left)}" if failure.phase_left else None
    if failure.phase is None:
        return "not known (no phase recorded for that time)" if left is None else f"none; {left}"
    return failure.phase if left is None else f"{failure.phase}; {left}"


def error(failure: FirstFailure) -> str:
    """Return type and message of the exception."""
    if failure.exception_message is None:
        # Events that are no out-of-memory say what went wrong in their own text.
        return failure.exception_type or failure.context or "not known (no message recorded)"
    if failure.exception_type is None or failure.exception_type in failure.exception_message:
        return failure.exception_message
    return f"{failure.exception_type}: {failure.exception_message}"


def request(failure: FirstFailure) -> str | None:
    """Return how much was asked for and how much was free, as the message says; None where it says neither."""
    free = None if failure.free_bytes is None else f"{human_bytes(failure.free_bytes)} was free"
    if failure.requested_bytes is None:
        return None if free is None else f"not known; {free}"
    asked = human_bytes(failure.requested_bytes)
    return asked if free is None else f"{asked}, while {free}"


def source(failure: FirstFailure) -> str:
    """Return where the failure is recorded."""
    if failure.source_path is None:
        return "not known"
    return (
        failure.source_path
        if failure.line_number is None
        else f"{failure.source_path}, line {failure.line_number}"
    )


def memory_title(explanation: Explanation, memory: MemoryAccount) -> str:
    """Return whose memory an account shows, and at what time."""
    size = "" if memory.total_bytes is None else f" ({human_bytes(memory.total_bytes)})"
    number = device_number(memory.device_id)
    device = "" if number is None else f", device {number}"
    whose = f"Memory of rank {memory.rank}{device}{size}"
    if explanation.first_failure is None:
        return f"{whose} at its peak, {human_time(memory.timestamp_ns)} UTC"
    if memory.age_ns is None:
        return f"{whose} at {human_time(memory.timestamp_ns, milliseconds=True)} UTC"
    return f"{whose}, {human_duration(memory.age_ns)} before the failure"


def growth(explanation: Explanation, memory: MemoryAccount) -> str:
    """Return which part of the memory grew and how, or that none did."""
    largest = memory.largest_growth
    unknown = f"Growth: not known{'' if memory.note is None else f' ({memory.note})'}."
    if largest == "request":
        asked = "" if memory.requested_bytes is None else f" of {human_bytes(memory.requested_bytes)}"
        if memory.growth is None:
            return f"The request{asked} was larger than what was free or held unused. {unknown}"
        return f"Nothing grew: the request{asked} would not have fitted at the beginning either."
    grown = None if largest is None or memory.growth is None else memory.growth.get(largest)
    if largest is not None and grown is not None:
        pattern = _PATTERNS.get(memory.pattern or "", "")
        return f"{_SUBJECTS.get(largest, largest)} grew by {human_bytes(grown)}{pattern}."
    if memory.growth is None:
        return unknown
    if memory.note is not None:
        return f"{memory.note[0].upper()}{memory.note[1:].removesuffix('.')}."
    if explanation.first_failure is None or memory.age_ns is None:
        return "Nothing that the samples show grew."
    age = human_duration(memory.age_ns)
    return f"Nothing that the samples show grew; the last sample is {age} older than the failure."


def growth_since_last_good(explanation: Explanation) -> str | None:
    """Return how memory differs from the last run that did not fail; None where there is none."""
    good = explanation.against_last_good
    if good is None:
        return None
    version = "" if good.code_version is None else f" (version {good.code_version})"
    largest = max((abs(value) for value in good.growth.values() if value is not None), default=0)
    changes = [
        f"{COMPONENT_NAMES.get(name, name)} {human_difference(value)}"
        for name, value in good.growth.items()
        # What is free is the rest of the others, and a small difference beside a large one is noise.
        if value and name != "free" and abs(value) * 50 >= largest
    ]
    is_known = any(value is not None for value in good.growth.values())
    difference = listed(changes) if changes else "no difference" if is_known else "not known"
    return f"Against run {good.run_id}{version}, the last that did not fail: {difference}."


def absent_ranks(explanation: Explanation) -> list[str]:
    """Return what is to be said about ranks that are lost, missing or still running, and about mixed-up sessions."""
    run = explanation.run
    sentences = []
    if run.ranks_lost:
        sentences.append(f"Lost: {_ranks(run.ranks_lost)}; telemetry ends with neither a stop nor a failure.")
    if run.ranks_missing:
        of = "" if run.world_size is None else f" of {human_count(run.world_size)}"
        sentences.append(
            f"Missing: {_ranks(run.ranks_missing)}{of}; nothing of {_them(run.ranks_missing)} was found."
        )
    if run.ranks_running and explanation.first_failure is not None:
        sentences.append(f"Neither ended nor failed: {_ranks(run.ranks_running)}.")
    if run.ambiguous:
        sentences.append("Sessions of the same rank overlap in time: which belong together is not known.")
    return sentences


def same_elsewhere(explanation: Explanation) -> str | None:
    """Return where else the failure was seen; None where nothing failed."""
    same = explanation.same_as
    if same is None:
        return None if explanation.first_failure is None else "Not seen in other runs."
    name = f"Issue {same.issue}" if same.number is None else f"Issue #{same.number}"
    if same.number is None and same.issue.startswith("issue:"):
        name = f"This failure, {same.issue}"
    status = "" if same.status is None else f" ({same.status})"
    seen = f"seen in {human_count(same.runs)} runs"
    if same.runs < 2:
        # Without a tracker, only another attempt makes it known.
        seen = "seen in other attempts of this run" if same.status is None else "seen in this run only"
    first = "" if same.first_version is None else f", first in version {same.first_version}"
    without = "" if same.last_version_without is None else f", not in version {same.last_version_without}"
    return f"{name}{status}: {seen}{first}{without}."


def other_runs(explanation: Explanation) -> str | None:
    """Return which other runs failed; None for none."""
    others = explanation.other_runs
    if not others:
        return None
    names = [
        # Of the same run, the attempt is all that tells.
        f"attempt {other.attempt} of {other.run_id}"
        if other.attempt > 1 or other.run_id == explanation.run.run_id
        else other.run_id
        for other in others
    ]
    return f"{_counted(len(others), 'other failed run', 'other failed runs')}: {', '.join(names)}."


def _ranks(numbers: Sequence[int]) -> str:
    return f"{'rank' if len(numbers) == 1 else 'ranks'} {ranges(numbers)}"


def _counted(count: int, one: str, several: str) -> str:
    return f"{human_count(count)} {one if count == 1 else several}"


def _were(numbers: Sequence[int]) -> str:
    return "was" if len(numbers) == 1 else "were"


def _are(numbers: Sequence[int]) -> str:
    return "is" if len(numbers) == 1 else "are"


def _them(numbers: Sequence[int]) -> str:
    return "it" if len(numbers) == 1 else "them"
