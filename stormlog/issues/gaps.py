"""Finds memory that the device uses and the allocator does not know of.

The gap of a sample is ``device_used - allocator_reserved`` bytes. Three patterns are told apart: a
gap that jumps, a gap that grows, and an allocator that holds much more than it hands out.

Promise: findings depend on integer sums only (`GapMoments`), so a loop over events here and an
aggregate in SQL give the same findings to the last digit.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from stormlog.issues.gap_models import (
    DEFAULT_GAP_THRESHOLDS,
    RATIO_SCALE,
    GapClassification,
    GapFinding,
    GapMoments,
)
from stormlog.issues.kinds import severity_rank
from stormlog.issues.samples import GapSample, gap_samples
from stormlog.issues.statistics import linear_regression, mean_and_std

__all__ = [
    "DEFAULT_GAP_THRESHOLDS",
    "RATIO_SCALE",
    "GapClassification",
    "GapFinding",
    "GapMoments",
    "analyze_hidden_memory_gaps",
    "drift_finding",
    "fragmentation_finding",
    "gap_findings",
    "gap_moments",
    "is_gap_relevant",
    "order_findings",
    "resolve_thresholds",
    "spike_cutoff",
    "spike_finding",
]

MIN_SAMPLES: Final = 3
MIN_DRIFT_SAMPLES: Final = 5

_CRITICAL_R_SQUARED: Final = 0.85
_CRITICAL_FRAGMENTATION: Final = 0.5


def analyze_hidden_memory_gaps(
    events: Iterable[Any], thresholds: Mapping[str, float] | None = None
) -> list[GapFinding]:
    """Find the hidden-memory patterns of one session.

    Args:
        events: The session's events (objects or mappings) in time order; only its samples count.
        thresholds: Replaces some of `DEFAULT_GAP_THRESHOLDS`.

    Returns:
        At most one finding per classification, ordered by `order_findings`.

    Raises:
        ValueError: unknown threshold, or one that is not a finite number.

    Source: docs/concepts.md#hidden-memory.
    """
    limits = resolve_thresholds(thresholds)
    samples = gap_samples(events)
    moments = gap_moments(samples)
    if moments is None:
        return []
    cutoff = spike_cutoff(moments.n, moments.sum_y, moments.sum_yy, limits)
    spike_count = 0 if cutoff is None else sum(1 for sample in samples if sample.gap >= cutoff)
    return gap_findings(moments, spike_count, limits)


def resolve_thresholds(thresholds: Mapping[str, float] | None) -> Mapping[str, float]:
    """Return all thresholds, the given ones over the defaults.

    Raises:
        ValueError: unknown name, or a value that is not a finite number.
    """
    if thresholds is None or thresholds is DEFAULT_GAP_THRESHOLDS:
        return DEFAULT_GAP_THRESHOLDS
    for name, value in thresholds.items():
        if name not in DEFAULT_GAP_THRESHOLDS:
            raise ValueError(f"unknown threshold {name!r}: choose from {', '.join(DEFAULT_GAP_THRESHOLDS)}")
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
            raise ValueError(f"threshold {name} must be a finite number, got {value!r}")
    return {**DEFAULT_GAP_THRESHOLDS, **thresholds}


def gap_moments(samples: Sequence[GapSample]) -> GapMoments | None:
    """Sum up the usable samples of one session, in series order; ``None`` without any."""
    if not samples:
        return None
    origin_ns = samples[0].timestamp_ns
    times = [sample.timestamp_ns - origin_ns for sample in samples]
    gaps = [sample.gap for sample in samples]
    # max() keeps the first of equals, and that is the sample that counts as evidence.
    largest = max(samples, key=lambda sample: sample.gap)
    with_ratio = [(sample, ratio) for sample in samples if (ratio := sample.fragmentation_ratio) is not None]
    worst, max_ratio = max(with_ratio, key=lambda pair: pair[1]) if with_ratio else (None, 0.0)
    return GapMoments(
        n=len(samples),
        sum_x=sum(times),
        sum_y=sum(gaps),
        sum_xx=sum(x * x for x in times),
        sum_xy=sum(x * y for x, y in zip(times, gaps, strict=True)),
        sum_yy=sum(y * y for y in gaps),
        first_gap=gaps[0],
        last_gap=gaps[-1],
        last_timestamp_ns=samples[-1].timestamp_ns,
        max_gap=largest.gap,
        max_gap_timestamp_ns=largest.timestamp_ns,
        max_gap_ratio=max(sample.gap_ratio for sample in samples),
        ratio_count=len(with_ratio),
        ratio_sum=sum(sample.scaled_fragmentation(RATIO_SCALE) for sample, _ in with_ratio),
        max_ratio=max_ratio,
        max_ratio_timestamp_ns=None if worst is None else worst.timestamp_ns,
    )


def gap_findings(
    moments: GapMoments, spike_count: int, thresholds: Mapping[str, float] = DEFAULT_GAP_THRESHOLDS
) -> list[GapFinding]:
    """Return the findings of one session from its sums.

    Args:
        moments: Sums over the usable samples.
        spike_count: Number of samples whose gap is at least `spike_cutoff`.
        thresholds: All thresholds, see `resolve_thresholds`.
    """
    if not is_gap_relevant(moments.n, moments.max_gap_ratio, thresholds):
        return []
    m = moments
    found = (
        spike_finding(m.n, m.sum_y, m.sum_yy, m.max_gap, spike_count, m.max_gap_timestamp_ns, thresholds),
        drift_finding(
            m.n,
            m.sum_x,
            m.sum_y,
            m.sum_xx,
            m.sum_xy,
            m.sum_yy,
            m.first_gap,
            m.last_gap,
            m.last_timestamp_ns,
            thresholds,
        ),
        fragmentation_finding(
            m.ratio_count, m.ratio_sum, m.max_ratio, m.n, m.sum_y, m.max_ratio_timestamp_ns, thresholds
        ),
    )
    return order_findings(finding for finding in found if finding is not None)


def is_gap_relevant(
    n: int, max_gap_ratio: float, thresholds: Mapping[str, float] = DEFAULT_GAP_THRESHOLDS
) -> bool:
    """Return whether a session has enough samples and a gap worth looking at."""
    return n >= MIN_SAMPLES and max_gap_ratio >= thresholds["gap_ratio_threshold"]


def spike_cutoff(
    n: int, sum_y: int, sum_yy: int, thresholds: Mapping[str, float] = DEFAULT_GAP_THRESHOLDS
) -> int | None:
    """Return the smallest gap in bytes that counts as a spike, so that SQL can count with ``>=``.

    Returns:
        The smallest integer whose z-score, in doubles, exceeds the threshold; ``None`` where no
        sample can reach it, for example because gaps do not vary.
    """
    statistics = mean_and_std(n, sum_y, sum_yy)
    if statistics is None or not statistics[1] > 0.0:
        return None
    mean, std = statistics
    # No z-score of n samples reaches sqrt(n): this also bounds the search below.
    limit = max(thresholds["gap_spike_zscore"], -float(n))
    if limit >= math.sqrt(n):
        return None

    # The z-score never falls as the gap grows, rounding included: search between two bounds.
    estimate = math.ceil(mean + limit * std)
    reach = 1
    while not _zscore(estimate + reach, mean, std) > limit:
        reach *= 2
    above = estimate + reach
    reach = 1
    while _zscore(estimate - reach, mean, std) > limit:
        reach *= 2
    below = estimate - reach
    while above - below > 1:
        middle = (above + below) // 2
        if _zscore(middle, mean, std) > limit:
            above = middle
        else:
            below = middle
    return above


def spike_finding(
    n: int,
    sum_y: int,
    sum_yy: int,
    max_gap: int,
    spike_count: int,
    timestamp_ns: int | None,
    thresholds: Mapping[str, float] = DEFAULT_GAP_THRESHOLDS,
) -> GapFinding | None:
    """Return the ``transient_spike`` finding: gaps far above the others.

    Args:
        n: Number of usable samples.
        sum_y: Sum of their gaps in bytes.
        sum_yy: Sum of squares of their gaps.
        max_gap: Largest gap.
        spike_count: Number of gaps of at least `spike_cutoff`.
        timestamp_ns: Time of the first sample with the largest gap.
        thresholds: ``gap_spike_zscore`` decides what a spike is; twice as much is critical, three
            times as much is certain.
    """
    statistics = mean_and_std(n, sum_y, sum_yy)
    if statistics is None or not statistics[1] > 0.0 or spike_count < 1:
        return None
    mean, std = statistics
    limit = thresholds["gap_spike_zscore"]
    max_zscore = _zscore(max_gap, mean, std)
    if not max_zscore > limit:
        return None
    return GapFinding(
        classification="transient_spike",
        severity="critical" if max_zscore > 2.0 * limit else "warning",
        confidence=round(min(1.0, max_zscore / (3.0 * limit)), 3) if limit > 0.0 else 1.0,
        evidence={
            "spike_count": spike_count,
            "max_gap_bytes": float(max_gap),
            "max_zscore": round(max_zscore, 3),
            "mean_gap_bytes": round(mean, 1),
            "std_gap_bytes": round(std, 1),
        },
        description=(
            f"{spike_count} of {n} samples jumped, up to {_format_bytes(max_gap)} outside the allocator "
            f"(mean {_format_bytes(mean)})."
        ),
        evidence_timestamp_ns=timestamp_ns,
    )


def drift_finding(
    n: int,
    sum_x: int,
    sum_y: int,
    sum_xx: int,
    sum_xy: int,
    sum_yy: int,
    first_gap: int,
    last_gap: int,
    last_timestamp_ns: int | None,
    thresholds: Mapping[str, float] = DEFAULT_GAP_THRESHOLDS,
) -> GapFinding | None:
    """Return the ``persistent_drift`` finding: a gap that grows steadily.

    Without any time between the samples there is no drift to speak of, hence no finding.

    Args:
        n: Number of usable samples.
        sum_x: Sum of their times in nanoseconds after the first sample.
        sum_y: Sum of their gaps in bytes.
        sum_xx: Sum of squares of the times.
        sum_xy: Sum of products of time and gap.
        sum_yy: Sum of squares of the gaps.
        first_gap: Gap of the first sample.
        last_gap: Gap of the last sample.
        last_timestamp_ns: Time of the last sample.
        thresholds: ``gap_drift_r_squared`` decides what steady is.
    """
    if n < MIN_DRIFT_SAMPLES:
        return None
    fit = linear_regression(n, sum_x, sum_y, sum_xx, sum_xy, sum_yy)
    if fit is None or fit.slope <= 0.0 or fit.r_squared < thresholds["gap_drift_r_squared"]:
        return None
    per_second = fit.slope * 1e9
    return GapFinding(
        classification="persistent_drift",
        severity="critical" if fit.r_squared > _CRITICAL_R_SQUARED else "warning",
        confidence=round(min(1.0, fit.r_squared), 3),
        evidence={
            "slope_bytes_per_sec": round(per_second, 1),
            "r_squared": round(fit.r_squared, 4),
            "p_value": round(fit.p_value, 6),
            "gap_start_bytes": round(float(first_gap), 1),
            "gap_end_bytes": round(float(last_gap), 1),
        },
        description=f"Gap grew by {_format_bytes(per_second)}/s (R² {fit.r_squared:.2f}).",
        evidence_timestamp_ns=last_timestamp_ns,
    )


def fragmentation_finding(
    ratio_count: int,
    ratio_sum: int,
    max_ratio: float,
    n: int,
    sum_y: int,
    timestamp_ns: int | None,
    thresholds: Mapping[str, float] = DEFAULT_GAP_THRESHOLDS,
) -> GapFinding | None:
    """Return the ``fragmentation_like`` finding: the allocator keeps much more than it hands out.

    Args:
        ratio_count: Number of samples with a fragmentation ratio.
        ratio_sum: Sum of the ratios, scaled as in `GapMoments.ratio_sum`; any exact number type.
        max_ratio: Largest ratio.
        n: Number of usable samples, with or without a ratio.
        sum_y: Sum of their gaps in bytes.
        timestamp_ns: Time of the first sample with the largest ratio.
        thresholds: ``gap_fragmentation_ratio`` is the least average.
    """
    if ratio_count < 1 or n < 1:
        return None
    average = _average_ratio(ratio_count, int(ratio_sum))
    if average < thresholds["gap_fragmentation_ratio"]:
        return None
    return GapFinding(
        classification="fragmentation_like",
        severity="critical" if average > _CRITICAL_FRAGMENTATION else "warning",
        confidence=round(min(1.0, average / 0.6), 3),
        evidence={
            "avg_fragmentation_ratio": round(average, 4),
            "max_fragmentation_ratio": round(max_ratio, 4),
            "avg_gap_bytes": round(sum_y / n, 1),
            "sample_count": ratio_count,
        },
        description=(
            f"{average:.0%} of the reserved memory was not in use on average ({max_ratio:.0%} at most)."
        ),
        evidence_timestamp_ns=timestamp_ns,
    )


def order_findings(findings: Iterable[GapFinding]) -> list[GapFinding]:
    """Return findings by severity, then by falling confidence; equal ones keep their order."""
    return sorted(findings, key=lambda finding: (severity_rank(finding.severity), -finding.confidence))


def _zscore(gap: int, mean: float, std: float) -> float:
    return (float(gap) - mean) / std


def _average_ratio(count: int, scaled_sum: int) -> float:
    # Each ratio was cut to 15 decimals: rounding the average to 14 puts one third plus two thirds
    # back onto one half, so that an average on a threshold is seen on it.
    return ((scaled_sum + 5 * count) // (10 * count)) / (RATIO_SCALE // 10)


def _format_bytes(value: float) -> str:
    size = float(value)
    for unit in ("B", "KiB", "MiB", "GiB"):
        if abs(size) < 1024.0:
            return f"{size:.1f} {unit}" if unit != "B" else f"{size:.0f} B"
        size /= 1024.0
    return f"{size:.1f} TiB"
