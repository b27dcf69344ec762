"""In which phase memory grew: the innermost one that keeps what the whole run gained."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from stormlog.explaining.asking import Ask
from stormlog.explaining.memory import Series
from stormlog.phases import format_phase_path

__all__ = ["growth_phase"]

#: Share of the memory in use that has to be new.
_LEAST_SHARE = 0.1
#: So often a phase has to have been entered: one step more or less must not make the difference.
_LEAST_ENTRIES = 8


def growth_phase(ask: Ask, series: Series, until_ns: int) -> dict[str, Any]:
    """Return the phase in which most of the growth of a series happened.

    What one phase allocates and the next frees is no growth of either: a phase is told only if those beside it
    together changed by less than half as much.

    Args:
        ask: The store.
        series: Whose memory.
        until_ns: Up to when.

    Returns:
        Fields of `MemoryAccount`; none if no single phase stands out, or nobody recorded phases.
    """
    grown = series.growth_bytes or 0
    if series.top_component is None or grown < _LEAST_SHARE * (series.used_bytes or 0) or grown <= 0:
        return {}
    rows = ask(
        "why_growth_phases",
        {
            "session_id": series.session_id,
            "rank": series.rank,
            "device_id": series.device_id,
            "until_ns": until_ns,
            "component": series.top_component,
        },
    )
    growth = {tuple(path): (size, entries) for path, size, entries in rows}
    path: tuple[str, ...] = ()
    while (inner := _standing_out(growth, path)) is not None:
        path = inner
    size, entries = growth.get(path, (0, 0))
    if not path or size < grown / 2 or entries < _LEAST_ENTRIES:
        return {}
    return {
        "growth_phase": format_phase_path(path),
        "growth_phase_bytes": size,
        "growth_phase_count": entries,
    }


def _standing_out(
    growth: Mapping[tuple[str, ...], tuple[int, int]], path: tuple[str, ...]
) -> tuple[str, ...] | None:
    """Return the phase within another that grew as the other did; None if it is not one alone."""
    inner = {
        found: size
        for found, (size, _) in growth.items()
        if len(found) == len(path) + 1 and found[: len(path)] == path
    }
    largest = max(inner, key=inner.__getitem__, default=None)
    if largest is None:
        return None
    # What grew in the outer phase itself is one of those beside it.
    beside = [size for found, size in inner.items() if found != largest]
    beside.append(growth.get(path, (0, 0))[0] - sum(inner.values()))
    return largest if sum(map(abs, beside)) < inner[largest] / 2 else None
