"""Shapes of memory over the time of a job, to be added to each other."""

from __future__ import annotations

from tests.stories.records import GIB
from tests.stories.training import Moment, Shape

__all__ = ["activations", "breathing", "constant", "growing", "jump", "peaks", "plus", "training", "warm_up"]


def plus(*shapes: Shape) -> Shape:
    """Add shapes, component by component."""

    def together(moment: Moment) -> tuple[float, float, float]:
        rows = [shape(moment) for shape in shapes]
        return sum(r[0] for r in rows), sum(r[1] for r in rows), sum(r[2] for r in rows)

    return together


def constant(allocated: float = 0, unused: float = 0, outside: float = 0) -> Shape:
    return lambda _: (allocated, unused, outside)


def activations(size: float) -> Shape:
    """Return the sawtooth of a step: up in forward, down in backward."""

    def saw(moment: Moment) -> tuple[float, float, float]:
        leaf = moment.path[-1] if moment.path else ""
        height = {"forward": moment.within, "backward": 1 - 0.7 * moment.within, "optimizer": 0.3}.get(
            leaf, 0.1
        )
        return size * height, 0.0, 0.0

    return saw


def warm_up(size: float, until: float, *, unused: float = 0) -> Shape:
    """Return memory that comes up to a size in the first part of the time and stays there.

    Args:
        size: Bytes allocated in the end.
        until: Share of the time by which it is there.
        unused: Bytes reserved and unused in the end.
    """

    def ramp(moment: Moment) -> tuple[float, float, float]:
        height = min(1.0, moment.share / until)
        return size * height, unused * height, 0.0

    return ramp


def training(*, weights: float = 20 * GIB, saw: float = 6 * GIB, unused: float = 3 * GIB) -> Shape:
    """Return a healthy loop: weights, a sawtooth for each step, a cache and a device context."""
    return plus(constant(weights, unused, 2 * GIB), activations(saw))


def growing(component: str, size: float, *, since: float = 0.0) -> Shape:
    """Return a component that grows evenly from a share of the time on, by a size until the end."""

    def line(moment: Moment) -> tuple[float, float, float]:
        return _of(component, size * max(0.0, (moment.share - since) / (1 - since)))

    return line


def jump(component: str, size: float, at: float) -> Shape:
    """Return a component that is higher by a size from a share of the time on."""
    return lambda moment: _of(component, size if moment.share >= at else 0.0)


def peaks(component: str, size: float, phase: str) -> Shape:
    """Return a component that is higher by a size in all phases of a name."""
    return lambda moment: _of(component, size if phase in moment.path else 0.0)


def breathing(size: float, *, periods: float) -> Shape:
    """Return a cache that fills and empties evenly, some times over the whole time."""

    def wave(moment: Moment) -> tuple[float, float, float]:
        place = (moment.share * periods) % 1.0
        return 0.0, size * (1 - abs(2 * place - 1)), 0.0

    return wave


def _of(component: str, size: float) -> tuple[float, float, float]:
    order = ("allocated", "reserved_unused", "outside_allocator")
    values = [size if name == component else 0.0 for name in order]
    return values[0], values[1], values[2]
