"""Thresholds, sums and results of the hidden-memory analysis."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final, Literal, TypeAlias

from stormlog._readable_times import ReadableTime

GapClassification: TypeAlias = Literal["transient_spike", "persistent_drift", "fragmentation_like"]

#: Scale of `GapMoments.ratio_sum`: ratios are summed as whole multiples of 1 / RATIO_SCALE.
RATIO_SCALE: Final = 10**15

DEFAULT_GAP_THRESHOLDS: Final[Mapping[str, float]] = MappingProxyType(
    {
        "gap_ratio_threshold": 0.05,
        "gap_spike_zscore": 2.0,
        "gap_drift_r_squared": 0.6,
        "gap_fragmentation_ratio": 0.3,
    }
)


@dataclass(frozen=True)
class GapFinding:
    """One pattern found in one session.

    Attributes:
        classification: ``transient_spike``, ``persistent_drift`` or ``fragmentation_like``.
        severity: ``critical`` or ``warning``.
        confidence: 0 to 1, three decimals.
        evidence: The numbers behind it, rounded; keys depend on the classification.
        description: One sentence for people; its wording may change.
        evidence_timestamp_ns: Time of the sample that shows the pattern best.
    """

    classification: GapClassification
    severity: str
    confidence: float
    evidence: dict[str, Any]
    description: str
    evidence_timestamp_ns: int | None = None
    evidence_timestamp = ReadableTime()


@dataclass(frozen=True)
class GapMoments:
    """Everything the findings of one session need, from its usable samples in series order.

    x is the sample's time in nanoseconds minus the time of the first sample; y is its gap in bytes.

    Attributes:
        n: Number of usable samples.
        sum_x: Sum of x.
        sum_y: Sum of y.
        sum_xx: Sum of x * x.
        sum_xy: Sum of x * y.
        sum_yy: Sum of y * y.
        first_gap: First y.
        last_gap: Last y.
        last_timestamp_ns: Time of the last sample.
        max_gap: Largest y.
        max_gap_timestamp_ns: Time of the first sample with that y.
        max_gap_ratio: Largest ``abs(y) / total``.
        ratio_count: Number of samples with a fragmentation ratio.
        ratio_sum: Sum of their ratios, each as ``numerator * RATIO_SCALE // denominator``.
        max_ratio: Largest ratio; 0 without any.
        max_ratio_timestamp_ns: Time of the first sample with that ratio.
    """

    n: int
    sum_x: int
    sum_y: int
    sum_xx: int
    sum_xy: int
    sum_yy: int
    first_gap: int
    last_gap: int
    last_timestamp_ns: int
    max_gap: int
    max_gap_timestamp_ns: int
    max_gap_ratio: float
    ratio_count: int = 0
    ratio_sum: int = 0
    max_ratio: float = 0.0
    max_ratio_timestamp_ns: int | None = None
    last_timestamp = ReadableTime()
    max_gap_timestamp = ReadableTime()
    max_ratio_timestamp = ReadableTime()
