"""What an explanation says, in sentences: used by the screen, by Markdown and by the one line.

Promise: what is not known is said to be not known. Text of telemetry stands in the sentences as it was recorded; who
prints them makes it safe. How the run ended is said by `stormlog.presenting.why_headline`.
"""

from __future__ import annotations

from collections.abc import Sequence

from stormlog.explaining import MOST_OTHER_RUNS, Explanation, FirstFailure, MemoryAccount, OtherRun
from stormlog.presenting.quantities import (
    human_bytes,
    human_count,
    human_duration,
    human_time,
)
from stormlog.presenting.texts import listed

__all__ = [
    "COMPONENT_NAMES",
    "device_number",
    "error",
    "growth",
    "growth_since_last_good",
    "grown_component",
    "levels_note",
    "memory_title",
    "other_runs",
    "other_runs_note",
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


def growth_phase(memory: MemoryAccount) -> str | None:
    """Return in which phase memory grew most; None where no single one stands out."""
    if memory.growth_phase is None or memory.growth_phase_bytes is None:
        return None
    times = memory.growth_phase_count or 1
    entered = "entered once" if times == 1 else f"entered {human_count(times)} times"
    grown = human_bytes(memory.growth_phase_bytes)
    return f"Since the baseline, memory grew most in phase {memory.growth_phase}: by {grown}, {entered}."


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
    end = "it ran out of memory" if explanation.first_failure.survived else "the failure"
    return f"{whose}, {human_duration(memory.age_ns)} before {end}"


def grown_component(explanation: Explanation, memory: MemoryAccount) -> str | None:
    """Return the component that grew most; None where none did, or where the run ended well: at its peak, memory has
    always grown.
    """
    largest, run = memory.largest_growth, explanation.run
    if largest is None or memory.growth is None or memory.growth.get(largest) is None:
        return None
    is_open = explanation.first_failure is not None or run.ranks_lost or run.ranks_running
    return largest if is_open else None


def growth(explanation: Explanation, memory: MemoryAccount) -> str | None:
    """Return which part of the memory grew and how, or that none did; None for a run that ended well."""
    component = grown_component(explanation, memory)
    if component is not None and memory.growth is not None:
        subject = _SUBJECTS.get(component, component)
        if explanation.first_failure is None:
            subject = f"Up to the peak of rank {memory.rank}, {subject[0].lower()}{subject[1:]}"
        grown = human_bytes(memory.growth[component] or 0)
        return f"{subject} grew by {grown}{_PATTERNS.get(memory.pattern or '', '')}."
    if explanation.first_failure is None:
        return None
    is_known = memory.growth is not None and any(value is not None for value in memory.growth.values())
    # A note beside a growth that is known says the same as the sentences below.
    unknown = f"Growth: not known{'' if memory.note is None or is_known else f' ({memory.note})'}."
    if memory.largest_growth == "request":
        asked = "" if memory.requested_bytes is None else f" of {human_bytes(memory.requested_bytes)}"
        if not is_known:
            return f"The request{asked} was larger than what was free or held unused. {unknown}"
        return f"Nothing grew: the request{asked} would not have fitted at the beginning either."
    if not is_known:
        return unknown
    if memory.age_ns is None:
        return "Nothing that the samples show grew."
    return f"Nothing that the samples show grew; the last sample was taken {human_duration(memory.age_ns)} before."


def levels_note(memory: MemoryAccount) -> str | None:
    """Return why growth is not the last sample less the baseline; None where the two are much the same."""
    if memory.baseline is None or memory.growth is None:
        return None
    values = {name: getattr(memory, f"{name}_bytes") for name in COMPONENT_NAMES}
    size = memory.total_bytes or sum(value or 0 for name, value in values.items() if name != "free")
    for name, value in values.items():
        early, grown = memory.baseline.get(name), memory.growth.get(name)
        if (
            value is not None
            and early is not None
            and grown is not None
            and abs(value - early - grown) * 20 > size
        ):
            return "Growth compares usual levels, early and at the end; one sample may differ."
    return None


def growth_since_last_good(explanation: Explanation) -> str | None:
    """Return how memory differs from the last run that did not fail; None where there is none."""
    good = explanation.against_last_good
    if good is None:
        return None
    version = "" if good.code_version is None else f" (version {good.code_version})"
    largest = max((abs(value) for value in good.growth.values() if value is not None), default=0)
    changes = [
        f"{COMPONENT_NAMES.get(name, name)} was {human_bytes(abs(value))} {'more' if value > 0 else 'less'}"
        for name, value in good.growth.items()
        # What is free is the rest of the others, and a small difference beside a large one is noise.
        if value and name != "free" and abs(value) * 50 >= largest
    ]
    is_known = any(value is not None for value in good.growth.values())
    difference = f"at the end, {listed(changes)}" if changes else "no difference" if is_known else "not known"
    return f"Against run {good.run_id}{version}, the last that did not fail: {difference}."


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
    names = [_other_run(explanation, other) for other in explanation.other_runs]
    return f"Also failed{_latest(names)}: {', '.join(names)}." if names else None


def other_runs_note(explanation: Explanation) -> str | None:
    """Return which other runs failed and how to see one of them on the command line; None for none."""
    others = explanation.other_runs
    if not others:
        return None
    attempt = " --attempt N" if any(_is_told_by_attempt(explanation, other) for other in others) else ""
    names = ", ".join(_other_run(explanation, other) for other in others)
    return f"also failed{_latest(others)}: {names} (see {'it' if len(others) == 1 else 'one'} with --run ID{attempt})"


def _latest(others: Sequence[object]) -> str:
    """Say that there may be more, where as many are named as are named at most."""
    return f", the latest {MOST_OTHER_RUNS}" if len(others) >= MOST_OTHER_RUNS else ""


def _other_run(explanation: Explanation, other: OtherRun) -> str:
    if _is_told_by_attempt(explanation, other):
        return f"attempt {other.attempt} of {other.run_id}"
    return other.run_id


def _is_told_by_attempt(explanation: Explanation, other: OtherRun) -> bool:
    return other.attempt > 1 or other.run_id == explanation.run.run_id
