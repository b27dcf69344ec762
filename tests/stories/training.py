"""Plays a training loop: phases and samples of one rank, with memory that a story decides on."""

from __future__ import annotations

import functools
import random
from collections.abc import Callable
from dataclasses import dataclass

from tests.soak import few_or_many
from tests.stories.records import GIB, Levels, Recording

TOTAL = 80 * GIB
NOISE = 0.002
#: So many ranks have samples every half second, which only a soak needs.
FEW_RANKS = few_or_many(0, 4)


@dataclass(frozen=True)
class Moment:
    """A moment of a rank's work, as a shape of memory sees it.

    ``seconds`` and ``share`` count from the first sample, where share 1 is the end of the plan; ``within`` goes
    from 0 to 1 through the innermost phase.
    """

    seconds: float
    share: float
    path: tuple[str, ...]
    within: float
    step: int


# Bytes of a moment: allocated, reserved but unused, used outside of the allocator.
Shape = Callable[[Moment], tuple[float, float, float]]


@dataclass(frozen=True)
class Phase:
    """A phase that is planned, in seconds since the first sample."""

    begin: float
    end: float
    path: tuple[str, ...]
    step: int


@dataclass(frozen=True)
class Plan:
    """The loop that all ranks of a job run: when which phase is, and how often is sampled."""

    seconds: float = 160.0
    interval: float = 0.5
    step: float = 4.0
    setup: float = 5.0
    evaluate_every: int = 0
    evaluate: float = 6.0
    checkpoint_every: int = 0
    checkpoint: float = 1.5
    has_phases: bool = True

    def phases(self) -> list[Phase]:
        """Return all phases of the loop, outer ones before the ones inside them."""
        found = [Phase(0.2, self.setup, ("setup",), 0)]
        at, step = self.setup + 0.01, 0
        while at < self.seconds + self.step:
            step += 1
            end = at + self.step * 0.98
            found.append(Phase(at, end, ("train",), step))
            for name, begin, stop in (
                ("forward", 0.0, 0.42),
                ("backward", 0.42, 0.85),
                ("optimizer", 0.85, 1),
            ):
                inner = (at + begin * (end - at) + 0.002, at + stop * (end - at) - 0.002)
                found.append(Phase(*inner, ("train", name), step))
            at += self.step
            if self.evaluate_every and step % self.evaluate_every == 0:
                found.append(Phase(at, at + self.evaluate * 0.99, ("evaluate",), step))
                at += self.evaluate
            if self.checkpoint_every and step % self.checkpoint_every == 0:
                found.append(Phase(at, at + self.checkpoint * 0.99, ("checkpoint",), step))
                at += self.checkpoint
        return found

    def samples(self, rng: random.Random) -> list[float]:
        """Return the times of samples, the first one at 0, with a little jitter."""
        count = int((self.seconds + self.step) / self.interval)
        return [0.0] + [(i + rng.uniform(-0.04, 0.04)) * self.interval for i in range(1, count)]

    def end_in(self, path: tuple[str, ...], samples: list[float]) -> float:
        """Return a moment just after the last sample within a phase of that path, late in the plan."""
        for phase in reversed([p for p in self.phases() if p.path == path and p.begin < self.seconds]):
            inside = [at for at in samples if phase.begin + 0.01 < at < phase.end - 0.02]
            if inside:
                return inside[-1] + min(0.3 * self.interval, (phase.end - inside[-1]) / 2)
        raise ValueError(f"no sample falls into a phase {path} of this plan")


def of_size(ranks: int, **changes: float) -> Plan:
    """Return a plan that makes some hundred events for a rank, fewer for one of many ranks."""
    if ranks <= FEW_RANKS:
        sizes: dict[str, float] = {}
    elif ranks <= 16:
        sizes = {"interval": 1.0, "step": 8.0}
    else:
        sizes = {"interval": 2.0, "step": 16.0, "evaluate": 12.0}
    return Plan(**(sizes | changes))  # type: ignore[arg-type]


def play(
    recording: Recording,
    plan: Plan,
    shape: Shape,
    *,
    begin_ns: int,
    until: float,
    samples: list[float],
    rng: random.Random,
    total: int | None = TOTAL,
    noise: float = NOISE,
    phases_from: float = 0.0,
    between: float = 0.05,
) -> None:
    """Let a rank work: a start event, then phases and samples; phases that are open at the end stay open.

    Args:
        recording: Gets the events.
        plan: The loop.
        shape: Bytes of every moment, without noise.
        begin_ns: Time of second 0 by the clock of the rank's host; the start event comes just before the first sample.
        until: Seconds since the first sample at which nothing more is written.
        samples: Times of samples in seconds.
        rng: Noise and jitter.
        total: Bytes of the device; None where the collector cannot tell.
        noise: Share of the total by which each component is off at most.
        phases_from: Seconds before which no phase is recorded.
        between: Share of samples after which an allocation is recorded that was freed before the next sample: no
            account may be made of its counters.
    """
    phases = [p for p in plan.phases() if p.begin >= phases_from] if plan.has_phases else []
    jitter = rng.uniform(-0.001, 0.001)
    steps: list[tuple[float, int, int, Phase | None]] = [(at, 1, 0, None) for at in samples]
    for phase in phases:
        depth = len(phase.path)
        steps += [(phase.begin + jitter, 2, depth, phase), (phase.end + jitter, 0, -depth, phase)]
    first = levels_of(shape(Moment(0.0, 0.0, (), 0.0, 0)), rng, total, noise)
    recording.start(begin_ns + round(samples[0] * 1e6) * 1000 - 2_000_000, first)
    for at, order, _, phase in sorted(steps, key=lambda step: step[:3]):
        if at > until:
            break
        time_ns = begin_ns + round(at * 1e6) * 1000
        if phase is None:
            moment = _moment(plan, at)
            recording.add(
                "sample",
                time_ns,
                levels_of(shape(moment), rng, total, noise),
                "Collected telemetry sample.",
            )
            if rng.random() < between:
                _add_allocation(recording, time_ns + 3_000_000, rng)
        elif order == 2:
            recording.enter(time_ns, phase.path[-1])
        else:
            recording.leave(time_ns)


def _add_allocation(recording: Recording, time_ns: int, rng: random.Random) -> None:
    now, more = recording.levels, round(rng.uniform(0.5, 1.0) * 2 * GIB)
    if now.allocated is None or now.reserved is None or now.used is None:
        return
    if now.total is not None and now.used + more > now.total:
        return
    free = None if now.free is None else now.free - more
    higher = Levels(now.allocated + more, now.reserved + more, now.used + more, free, now.total)
    recording.add("allocation", time_ns, higher, f"Large allocation: {more / GIB:.2f} GB")
    recording.levels = now


def levels_of(
    bytes_of: tuple[float, float, float], rng: random.Random, total: int | None, noise: float
) -> Levels:
    """Return counters for three components, each off by some noise; what does not fit is cut off the last."""
    off = noise * (total or TOTAL)
    # A component that is not there at all has no noise.
    noisy = (max(0, round(value + rng.uniform(-off, off))) if value else 0 for value in bytes_of)
    allocated, unused, outside = noisy
    used = allocated + unused + outside
    if total is None:
        return Levels(allocated, allocated + unused, used, None, None)
    used = min(used, total)
    return Levels(allocated, min(allocated + unused, used), used, total - used, total)


@functools.cache
def _phases(plan: Plan) -> tuple[Phase, ...]:
    return tuple(plan.phases())


def _moment(plan: Plan, at: float) -> Moment:
    inside = [phase for phase in _phases(plan) if phase.begin <= at <= phase.end]
    if not inside:
        return Moment(at, at / plan.seconds, (), 0.0, 0)
    phase = max(inside, key=lambda phase: len(phase.path))
    within = (at - phase.begin) / (phase.end - phase.begin)
    return Moment(at, at / plan.seconds, phase.path, within, phase.step)
