"""The account of a series, made of a row of `sql/queries/memory_levels.sql`."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from stormlog.explaining.models import COMPONENTS, MemoryAccount, NearFull, OddRank

__all__ = ["Series", "account", "growth_against", "near_full", "odd_ranks"]

#: Share of the device from which on it counts as nearly full.
_NEARLY_FULL = 0.95

Levels = Mapping[str, int | None]


class Series(NamedTuple):
    """The memory of one session, rank and device; bytes, and nanoseconds since the Unix epoch."""

    session_id: str
    rank: int
    device_id: int
    host: str | None
    timestamp_ns: int
    total_bytes: int | None
    used_bytes: int | None
    allocated_bytes: int | None
    reserved_unused_bytes: int | None
    outside_allocator_bytes: int | None
    process_bytes: int | None
    free_bytes: int | None
    unexplained_bytes: int | None
    sample_count: int
    has_samples: bool
    largest_used_bytes: int | None
    threshold_bytes: float | None
    is_warming_up: bool
    baseline_json: str | None
    end_levels_json: str | None
    top_component: str | None
    growth_bytes: int | None
    pattern: str | None
    is_fresh: bool
    deviation_component: str | None
    deviation_bytes: int | None
    baseline_deviation_bytes: int | None

    @property
    def baseline(self) -> Levels:
        """Component -> its usual level early on."""
        return _levels(self.baseline_json)

    @property
    def end_levels(self) -> Levels:
        """Component -> its level at the end."""
        return _levels(self.end_levels_json)


def _levels(text: str | None) -> Levels:
    found = {} if text is None else json.loads(text)
    return {component: found.get(component) for component in COMPONENTS}


def _difference(later: Levels, earlier: Levels) -> Levels:
    return {
        component: None
        if later[component] is None or earlier[component] is None
        else later[component] - earlier[component]  # type: ignore[operator]
        for component in COMPONENTS
    }


def account(
    series: Series, *, until_ns: int | None, has_failed: bool = False, requested_bytes: int | None = None
) -> MemoryAccount:
    """Return the account of a series.

    Args:
        series: The series up to a time.
        until_ns: The time; None for that of the last sample.
        has_failed: Whether that is when a rank failed.
        requested_bytes: What the failed allocation asked for.
    """
    age_ns = None if until_ns is None else until_ns - series.timestamp_ns
    baseline = growth = pattern = largest = note = None
    if series.is_warming_up:
        note = "failed during warm-up" if has_failed else "still warming up"
    else:
        baseline, growth, pattern = (
            series.baseline,
            _difference(series.end_levels, series.baseline),
            series.pattern,
        )
        if (
            series.top_component is not None
            and series.growth_bytes is not None
            and series.threshold_bytes is not None
        ):
            largest = series.top_component if series.growth_bytes >= series.threshold_bytes > 0 else None
    if largest is None and _is_too_large(requested_bytes, baseline, series):
        largest = "request"
    if pattern is not None and largest in (None, "request"):
        # Levels are compared within one phase, parts of the time are not: a peak at the end is no growth.
        pattern = "flat"
    if largest is None and note is None:
        note = "nothing the samples show grew"
        if has_failed and age_ns is not None:
            note += f"; last sample {age_ns / 1e6:.0f} ms before"
    return MemoryAccount(
        session_id=series.session_id,
        rank=series.rank,
        host=series.host,
        device_id=series.device_id,
        total_bytes=series.total_bytes,
        allocated_bytes=series.allocated_bytes,
        reserved_unused_bytes=series.reserved_unused_bytes,
        outside_allocator_bytes=series.outside_allocator_bytes,
        process_bytes=series.process_bytes,
        free_bytes=series.free_bytes,
        unexplained_bytes=series.unexplained_bytes,
        requested_bytes=requested_bytes,
        timestamp_ns=series.timestamp_ns,
        age_ns=age_ns,
        baseline=baseline,
        growth=growth,
        largest_growth=largest,
        pattern=pattern,
        note=note,
    )


def _is_too_large(requested_bytes: int | None, baseline: Levels | None, series: Series) -> bool:
    """Return whether a request is larger than what the allocator could have given."""
    if baseline is not None:
        free, unused = baseline["free"], baseline["reserved_unused"]
    else:
        free, unused = series.free_bytes, series.reserved_unused_bytes
    if requested_bytes is None or free is None:
        return False
    if unused is None and series.process_bytes is None:
        return False
    return requested_bytes > free + (unused or 0)


def growth_against(series: Series, earlier: Series) -> Levels:
    """Return component -> its level at the end of a series less that at the end of an earlier one."""
    return _difference(series.end_levels, earlier.end_levels)


def odd_ranks(all_series: Iterable[Series], rank_count: int) -> list[OddRank]:
    """Return ranks whose memory is far from that of the others: the largest deviation first.

    Ranks that deviated as much at their baseline come last.
    """
    if rank_count < 3:
        return []
    found: dict[int, OddRank] = {}
    for series in all_series:
        component, deviation = series.deviation_component, series.deviation_bytes
        if component is None or deviation is None or series.threshold_bytes is None:
            continue
        if abs(deviation) < series.threshold_bytes or deviation == 0:
            continue
        since = series.baseline_deviation_bytes or 0
        since_start = since * deviation > 0 and abs(deviation) - abs(since) < series.threshold_bytes
        known = found.get(series.rank)
        if known is None or abs(known.bytes_from_median) < abs(deviation):
            found[series.rank] = OddRank(series.rank, component, deviation, since_start)
    return sorted(found.values(), key=lambda odd: (odd.since_start, -abs(odd.bytes_from_median), odd.rank))


def near_full(all_series: Iterable[Series]) -> list[NearFull]:
    """Return the ranks that used at least 95 % of a device."""
    return [
        NearFull(series.rank, series.device_id, series.used_bytes, series.total_bytes)
        for series in all_series
        if series.is_fresh
        and series.used_bytes is not None
        and series.total_bytes
        and series.used_bytes >= _NEARLY_FULL * series.total_bytes
    ]
