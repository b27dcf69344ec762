"""The definitions of an account, its growth and its pattern once more, in plain Python over the events of a rank.

Written from the definitions alone, so that agreement with the library means something. Where a definition leaves
a choice that moves a number (how a percentile lies between two samples, how the last tenth is halved), every
choice is computed, and what is expected is the range of all of them.
"""

from __future__ import annotations

import hashlib
import itertools
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from statistics import median
from typing import Any

from tests.stories.expected import Near, OneOf
from tests.stories.oracle_phases import Span, paths_entered, phase_spans, phase_text

Event = dict[str, Any]
COMPONENTS = ("allocated", "reserved_unused", "outside_allocator", "process")
Percentile = Callable[[Sequence[float], float], float]
#: The time of a sample and its components.
Placed = tuple[int, dict[str, int | None]]


@dataclass(frozen=True)
class Series:
    """Samples of one session, rank and device up to a failure, and what kind of counters they have."""

    events: list[Event]
    samples: list[Event]
    spans: list[Span]
    failure_ns: int
    is_process: bool
    has_outside: bool

    @property
    def total(self) -> int | None:
        return self.samples[-1]["device_total_bytes"] if self.samples else None

    @property
    def threshold(self) -> float:
        """Return the bytes from which on a change counts: a twentieth of the total or of the largest use."""
        return 0.05 * (self.total or max(sample["device_used_bytes"] for sample in self.samples))

    @cached_property
    def parts(self) -> list[dict[str, int | None]]:
        """Return the components of every sample."""
        return [components(sample, self) for sample in self.samples]


def series(events: list[Event], failure_ns: int, device_id: int = 0) -> Series:
    """Return the samples of a device up to a failure that have the three counters of an account."""
    counters = ("allocator_allocated_bytes", "allocator_reserved_bytes", "device_used_bytes")
    every = [e for e in events if e["event_type"] == "sample" and e["device_id"] == device_id]
    samples = [
        event
        for event in every
        if event["timestamp_ns"] <= failure_ns and all(event[name] is not None for name in counters)
    ]
    values = [[sample[name] for name in counters] for sample in samples]
    is_process = bool(values) and all(len(set(row)) == 1 for row in values)
    # Collectors that cannot see the device write the larger allocator counter as what the device uses.
    copied = all(used == max(allocated, reserved) for allocated, reserved, used in values)
    no_total = all(sample["device_total_bytes"] is None for sample in samples)
    return Series(events, samples, phase_spans(events), failure_ns, is_process, not (copied and no_total))


def components(sample: Event, of: Series) -> dict[str, int | None]:
    """Return the components of a sample in bytes; what a series cannot tell is None."""
    allocated, reserved = sample["allocator_allocated_bytes"], sample["allocator_reserved_bytes"]
    used, total, free = (sample[f"device_{name}_bytes"] for name in ("used", "total", "free"))
    if free is None and total is not None:
        free = total - used
    if of.is_process:
        return {
            "allocated": None,
            "reserved_unused": None,
            "outside_allocator": None,
            "process": used,
            "free": free,
        }
    return {
        "allocated": allocated,
        "reserved_unused": max(reserved - allocated, 0),
        "outside_allocator": max(used - reserved, 0) if of.has_outside else None,
        "process": None,
        "free": free,
    }


def account(of: Series) -> dict[str, Any]:
    """Return the account at the last complete sample, under the names of the answer."""
    last = of.samples[-1]
    parts = components(last, of)
    total = last["device_total_bytes"]
    answer: dict[str, Any] = {
        "total": total,
        "timestamp_ns": last["timestamp_ns"],
        "age_ns": of.failure_ns - last["timestamp_ns"],
        "reserved_unused": parts["reserved_unused"],
        "outside_allocator": parts["outside_allocator"],
        "process": parts["process"],
        "free": parts["free"],
    }
    if not of.is_process:
        answer["allocated"] = parts["allocated"]
        if total is not None and parts["outside_allocator"] is not None:
            known = ("allocated", "reserved_unused", "outside_allocator", "free")
            answer["unexplained"] = total - sum(parts[name] or 0 for name in known)
    return answer


def levels(of: Series) -> dict[str, Any]:
    """Return ``baseline``, ``growth``, ``largest_growth`` and ``pattern`` as ranges and choices.

    A session whose phases were recorded and entered once only, or with fewer than 3 samples, has None for all
    of them.
    """
    entered = paths_entered([e for e in of.events if e["timestamp_ns"] <= of.failure_ns])
    warming_up = bool(entered) and max(entered.values()) < 2
    if warming_up or len(of.samples) < 3:
        return {"baseline": None, "growth": None, "largest_growth": None, "pattern": None}
    answers = [
        _levels(of, percentile, by_time)
        for percentile, by_time in itertools.product((linear, nearest), (True, False))
    ]
    slack = of.threshold / 20
    names = [name for name in COMPONENTS if answers[0][0][name] is not None]
    largest = [max(names, key=lambda name: answer[1][name]) for answer in answers]
    grown = [
        name if answer[1][name] >= of.threshold else None
        for name, answer in zip(largest, answers, strict=True)
    ]
    patterns = [answer[2][name] for name, answer in zip(largest, answers, strict=True)]
    if None in grown and set(patterns) - {"flat", None}:
        # Levels are of all phases, the end is of the last one: after peaks these may tell of a rise where nothing
        # grew. Then no word is wrong.
        patterns = ["flat", "sudden", "steady"]
    return {
        "baseline": {name: _near([answer[0][name] for answer in answers], slack) for name in names},
        "growth": {name: _near([answer[1][name] for answer in answers], slack) for name in names},
        "largest_growth": _choice(grown),
        "pattern": _choice(patterns),
        "rooms": [_sum(answer[0]["free"], answer[0]["reserved_unused"]) for answer in answers],
    }


def _sum(free: float | None, unused: float | None) -> float | None:
    """Return what could still be had; a process without an allocator has no unused memory of its own."""
    return None if free is None else free + (unused or 0)


def largest_growth(of: Series, requested: int | None) -> Any:
    """Return what grew most; ``request`` where nothing did and more was asked than was to be had."""
    of_levels = levels(of)
    grown = of_levels["largest_growth"]
    if grown is not None or requested is None or not of.samples:
        return grown
    parts = components(of.samples[-1], of)
    rooms = of_levels.get("rooms") or [_sum(parts["free"], parts["reserved_unused"])]
    if None in rooms:
        # Room that nobody knows is not exceeded; a library may also count what is known of it.
        return OneOf(None, "request")
    return _choice(["request" if requested > room else None for room in rooms])


def deviations(last_samples: dict[int, Event], of: Series) -> dict[int, tuple[str, float]]:
    """Return the component of each rank that lies farthest from the median of all ranks, with the signed bytes."""
    rows = {rank: components(sample, of) for rank, sample in last_samples.items()}
    names = [name for name in COMPONENTS if all(row[name] is not None for row in rows.values())]
    middle = {name: median(row[name] for row in rows.values()) for name in names}
    farthest = {}
    for rank, row in rows.items():
        name = max(names, key=lambda name: abs(row[name] - middle[name]))
        if abs(row[name] - middle[name]) >= of.threshold:
            farthest[rank] = (name, row[name] - middle[name])
    return farthest


def oom_fingerprint(backend: str, reason: str) -> str:
    """Return the id of the issue that an OOM of that backend and reason is a hit of (texts without numbers)."""
    dimensions = {"backend": backend.lower(), "reason": reason.lower()}
    content = {"dimensions": dimensions, "kind": "oom", "schema_version": 1}
    text = json.dumps(content, sort_keys=True, separators=(",", ":"))
    return f"issue:{hashlib.sha256(text.encode()).hexdigest()[:24]}"


def linear(values: Sequence[float], share: float) -> float:
    """Return a percentile that lies between two values where it falls between them."""
    ordered = sorted(values)
    position = share * (len(ordered) - 1)
    low = int(position)
    high = min(low + 1, len(ordered) - 1)
    return ordered[low] + (position - low) * (ordered[high] - ordered[low])


def nearest(values: Sequence[float], share: float) -> float:
    """Return the smallest value that at least this share of the values does not exceed."""
    ordered = sorted(values)
    return ordered[max(-(-int(share * 1000) * len(ordered) // 1000) - 1, 0)]


def _levels(of: Series, percentile: Percentile, by_time: bool) -> tuple[dict, dict, dict]:
    """Return baseline, growth and pattern of every component under one choice of percentile and halves."""
    first, end_ns = of.samples[0]["timestamp_ns"], of.failure_ns
    span = end_ns - first
    placed = [(s["timestamp_ns"], parts) for s, parts in zip(of.samples, of.parts, strict=True)]
    window = [(at, parts) for at, parts in placed if span / 8 <= at - first <= 3 * span / 8]
    if len(window) < 3:
        window = [(at, parts) for at, parts in placed if at - first <= span / 2]
    tenth = [(at, parts) for at, parts in placed if at - first >= 0.9 * span]
    phase = phase_text(of.spans, of.samples[-1]["timestamp_ns"])
    if phase is not None:
        alike = [(at, parts) for at, parts in window if phase_text(of.spans, at) == phase]
        if len(alike) >= 5:
            window = alike
            tenth = [(at, parts) for at, parts in tenth if phase_text(of.spans, at) == phase]
    halves = _halves(tenth, first + 0.95 * span, by_time)
    baseline, growth, patterns = {}, {}, {}
    for name in COMPONENTS:
        values = [parts[name] for parts in of.parts]
        if any(value is None for value in values):
            baseline[name] = growth[name] = patterns[name] = None
            continue
        baseline[name] = percentile([parts[name] for _, parts in window], 0.9)
        tops = [percentile([parts[name] for _, parts in half], 0.9) for half in halves if half]
        end = max(values[-1], min(tops)) if tops else values[-1]
        growth[name] = end - baseline[name]
        patterns[name] = _pattern(of, name, end, percentile)
    free = [parts["free"] for _, parts in window]
    baseline["free"] = None if None in free else percentile(free, 0.1)
    return baseline, growth, patterns


def _halves(tenth: list[Placed], middle: float, by_time: bool) -> list[list[Placed]]:
    if not by_time:
        return [tenth[: len(tenth) // 2], tenth[len(tenth) // 2 :]]
    return [
        [(at, parts) for at, parts in tenth if at < middle],
        [(at, parts) for at, parts in tenth if at >= middle],
    ]


def _pattern(of: Series, name: str, end: float, percentile: Percentile) -> str | None:
    count = len(of.samples)
    if count < 8:
        return None
    parts = 20 if count >= 60 else max(4, count // 3)
    first = of.samples[0]["timestamp_ns"]
    begin = first + (of.failure_ns - first) / 8
    width = (of.failure_ns - begin) / parts
    grouped: dict[int, list[float]] = {}
    for sample, of_sample in zip(of.samples, of.parts, strict=True):
        if sample["timestamp_ns"] >= begin:
            index = min(int((sample["timestamp_ns"] - begin) / width), parts - 1)
            grouped.setdefault(index, []).append(of_sample[name] or 0)
    tops = [percentile(grouped[index], 0.9) for index in sorted(grouped)] + [end]
    kept = list(itertools.accumulate(reversed(tops), min))[::-1]
    rise = kept[-1] - kept[0]
    if rise < of.threshold:
        return "flat"
    step = max(1, parts // 10)
    steepest = max(kept[min(i + step, len(kept) - 1)] - kept[i] for i in range(len(kept)))
    return "sudden" if steepest >= rise / 2 else "steady"


def _near(values: list[float], slack: float) -> Near:
    return Near((max(values) + min(values)) / 2, (max(values) - min(values)) / 2 + slack)


def _choice(values: list[Any]) -> Any:
    different = list(dict.fromkeys(values))
    return different[0] if len(different) == 1 else OneOf(*different)
