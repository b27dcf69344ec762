"""Hidden-memory patterns: found from sums alone, with the numbers people will look up."""

from __future__ import annotations

import math
from decimal import Decimal
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stormlog.issues import DEFAULT_GAP_THRESHOLDS, GapFinding, analyze_hidden_memory_gaps
from stormlog.issues.gaps import (
    RATIO_SCALE,
    drift_finding,
    fragmentation_finding,
    gap_findings,
    gap_moments,
    order_findings,
    resolve_thresholds,
    spike_cutoff,
    spike_finding,
)
from stormlog.issues.samples import fragmentation_parts, gap_samples
from tests.vectors.harness import Case, load_cases

#: Decimals that each number of a finding keeps; one unit of the last one is the tolerance.
DECIMALS = {
    "max_zscore": 3,
    "mean_gap_bytes": 1,
    "std_gap_bytes": 1,
    "slope_bytes_per_sec": 1,
    "r_squared": 4,
    "p_value": 6,
    "avg_fragmentation_ratio": 4,
    "max_fragmentation_ratio": 4,
    "avg_gap_bytes": 1,
}
START = 1_700_000_000_000_000_000


def assert_finding(found: GapFinding, expected: dict[str, Any]) -> None:
    assert found.classification == expected["classification"]
    assert found.severity == expected["severity"]
    assert found.evidence_timestamp_ns == expected["evidence_timestamp_ns"]
    assert found.confidence == pytest.approx(expected["confidence"], abs=1.001e-3)
    assert list(found.evidence) == list(expected["evidence"])
    for key, value in expected["evidence"].items():
        tolerance = 1.001 * 10.0 ** -DECIMALS[key] if key in DECIMALS else 0
        assert found.evidence[key] == pytest.approx(value, abs=tolerance, rel=0), key
        assert type(found.evidence[key]) is type(value)
    assert found.description.endswith(".")


@pytest.mark.parametrize("wrap", [dict, lambda row: SimpleNamespace(**row)], ids=["mappings", "objects"])
@pytest.mark.parametrize("case", load_cases("gap_findings"), ids=str)
def test_gap_cases(case: Case, wrap: Any) -> None:
    events = [wrap(row) for row in case.input["samples"]]
    found = analyze_hidden_memory_gaps(events, case.input.get("thresholds"))
    assert [item.classification for item in found] == [item["classification"] for item in case.expected]
    for item, expected in zip(found, case.expected, strict=True):
        assert_finding(item, expected)


def sample(second: float = 0, gap: int = 100, **overrides: Any) -> dict[str, Any]:
    row: dict[str, Any] = {
        "event_type": "sample",
        "timestamp_ns": START + int(second * 1e9),
        "device_used_bytes": 1000 + gap,
        "allocator_reserved_bytes": 1000,
        "allocator_allocated_bytes": 1000,
        "device_total_bytes": 10_000,
    }
    return {**row, **overrides}


def test_a_session_without_elapsed_time_keeps_its_other_findings() -> None:
    events = [sample(gap=100, allocator_allocated_bytes=100) for _ in range(9)]
    events.append(sample(gap=5000, allocator_allocated_bytes=100))
    assert [finding.classification for finding in analyze_hidden_memory_gaps(events)] == [
        "fragmentation_like",
        "transient_spike",
    ]


def test_descriptions_are_sentences_with_units() -> None:
    growing = [sample(second, gap=1000 + second * 12 * 1024 * 1024) for second in range(6)]
    assert [f.description for f in analyze_hidden_memory_gaps(growing)] == [
        "Gap grew by 12.0 MiB/s (R² 1.00)."
    ]


@pytest.mark.parametrize(
    "unusable",
    [
        {"device_used_bytes": None},
        {"allocator_reserved_bytes": None},
        {"device_total_bytes": None},
        {"device_total_bytes": 0},
        {"event_type": "warning"},
        {"event_type": None},
    ],
    ids=str,
)
def test_samples_with_unknown_counters_are_left_out(unusable: dict[str, Any]) -> None:
    usable = [sample(second, gap=500 + 100 * second) for second in range(6)]
    mixed = [row for good in usable for row in (sample(gap=9000, **unusable), good)]
    assert analyze_hidden_memory_gaps(mixed) == analyze_hidden_memory_gaps(usable) != []


@pytest.mark.parametrize(
    ("overrides", "parts"),
    [
        ({}, (400, 1000)),
        ({"allocator_allocated_bytes": 2000}, (0, 1000)),
        ({"allocator_allocated_bytes": None}, None),
        ({"allocator_reserved_bytes": 0}, None),
        ({"schema_version": 3, "allocator_inactive_bytes": 50}, (400, 1000)),
        ({"schema_version": 4, "allocator_inactive_bytes": 50}, (50, 1000)),
        (
            {"schema_version": 4, "allocator_inactive_bytes": 50, "allocator_allocated_bytes": None},
            (50, 1000),
        ),
        ({"schema_version": 4}, None),
        ({"schema_version": 4, "allocator_inactive_bytes": 5, "allocator_reserved_bytes": None}, None),
        (
            {
                "schema_version": 4,
                "allocator_inactive_bytes": 50,
                "metadata": {"memory_capabilities": {"supports_allocator_inactive": False}},
            },
            None,
        ),
        ({"metadata": {"memory_capabilities": {"supports_fragmentation_analysis": False}}}, (400, 1000)),
        ({"metadata": {"memory_capabilities": {"supports_fragmentation_analysis": True}}}, (400, 1000)),
        ({"metadata": {"memory_capabilities": {"supports_allocator_inactive": False}}}, (400, 1000)),
    ],
    ids=str,
)
def test_fragmentation_follows_the_version_of_the_record(
    overrides: dict[str, Any], parts: tuple[int, int] | None
) -> None:
    row = sample(allocator_allocated_bytes=600)
    assert fragmentation_parts({**row, **overrides}) == parts


def test_an_average_on_a_threshold_is_seen_on_it() -> None:
    thirds = [(1, 3), (2, 3)] * 2  # one half on average, cut to 15 decimals each
    cut = sum(a * RATIO_SCALE // b for a, b in thirds)
    found = fragmentation_finding(4, cut, 2 / 3, 4, 400, START)
    assert found is not None
    assert (found.severity, found.evidence["avg_fragmentation_ratio"]) == ("warning", 0.5)
    tenths = [(4, 15), (1, 3)] * 2  # exactly 0.3
    cut = sum(a * RATIO_SCALE // b for a, b in tenths)
    assert fragmentation_finding(4, cut, 1 / 3, 4, 400, START) is not None
    assert fragmentation_finding(4, Decimal(cut), 1 / 3, 4, 400, START) is not None  # type: ignore[arg-type]
    assert fragmentation_finding(4, cut - 40, 1 / 3, 4, 400, START) is None


def test_no_ratios_no_samples_no_findings() -> None:
    assert gap_moments([]) is None
    assert fragmentation_finding(0, 0, 0.0, 5, 10, None) is None
    assert spike_finding(1, 5, 25, 5, 1, START) is None
    assert spike_finding(3, 15, 75, 5, 1, START) is None  # all equal
    assert drift_finding(4, 6, 10, 14, 20, 30, 1, 4, START) is None  # too few


@pytest.mark.parametrize(
    "thresholds", [{"gap_ratio": 0.1}, {"gap_spike_zscore": math.nan}, {"gap_drift_r_squared": "0.6"}]
)
def test_bad_thresholds_are_refused(thresholds: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="threshold"):
        analyze_hidden_memory_gaps([], thresholds)


def test_given_thresholds_replace_defaults_one_by_one() -> None:
    assert resolve_thresholds(None) is DEFAULT_GAP_THRESHOLDS
    merged = resolve_thresholds({"gap_spike_zscore": 3})
    assert merged == {**DEFAULT_GAP_THRESHOLDS, "gap_spike_zscore": 3}


def test_findings_are_ordered_by_severity_then_confidence_then_given_order() -> None:
    def finding(severity: str, confidence: float, stamp: int) -> GapFinding:
        return GapFinding("transient_spike", severity, confidence, {}, "", stamp)

    given_findings = [
        finding("warning", 0.5, 1),
        finding("info", 0.9, 2),
        finding("warning", 0.7, 3),
        finding("critical", 0.1, 4),
        finding("warning", 0.7, 5),
    ]
    assert [item.evidence_timestamp_ns for item in order_findings(given_findings)] == [4, 3, 5, 1, 2]


gap_values = st.lists(
    st.integers(-(2**50), 2**50) | st.integers(0, 10) | st.sampled_from([0, 0, 0, 1000]),
    min_size=3,
    max_size=40,
)


@given(gap_values, st.sampled_from([-50.0, -1.0, 0.0, 0.5, 1.5, 2.0, 3.0, 1e12]))
def test_counting_from_the_cutoff_counts_the_spikes(gaps: list[int], zscore: float) -> None:
    thresholds = resolve_thresholds({"gap_spike_zscore": zscore})
    n, sum_y, sum_yy = len(gaps), sum(gaps), sum(gap * gap for gap in gaps)
    cutoff = spike_cutoff(n, sum_y, sum_yy, thresholds)
    std = math.sqrt((n * sum_yy - sum_y * sum_y) / (n * (n - 1)))
    spikes = [gap for gap in gaps if std > 0 and (gap - sum_y / n) / std > zscore]
    assert [gap for gap in gaps if cutoff is not None and gap >= cutoff] == spikes
    if cutoff is not None and zscore > -n:
        assert (cutoff - sum_y / n) / std > zscore
        assert not (cutoff - 1 - sum_y / n) / std > zscore


series = st.lists(
    st.tuples(st.integers(0, 10**12), st.integers(0, 2**40), st.integers(0, 2**40), st.integers(0, 2**40)),
    max_size=30,
)


@given(series, st.sampled_from([3, 4]))
def test_findings_come_from_the_sums_alone(rows: list[tuple[int, int, int, int]], version: int) -> None:
    events = [
        sample(
            timestamp_ns=START + at,
            device_used_bytes=used,
            allocator_reserved_bytes=reserved,
            allocator_allocated_bytes=other,
            allocator_inactive_bytes=other,
            device_total_bytes=2**41,
            schema_version=version,
        )
        for at, used, reserved, other in rows
    ]
    found = analyze_hidden_memory_gaps(events)
    samples = gap_samples(events)
    moments = gap_moments(samples)
    if moments is None:
        assert found == []
        return
    cutoff = spike_cutoff(moments.n, moments.sum_y, moments.sum_yy)
    spikes = sum(1 for item in samples if cutoff is not None and item.gap >= cutoff)
    assert gap_findings(moments, spikes) == found
    assert len({item.classification for item in found}) == len(found)
    assert all(0.0 <= item.confidence <= 1.0 for item in found)


@pytest.mark.parametrize(
    ("zscore", "severity", "confidence"),
    [(0.0, "critical", 1.0), (0.5, "critical", 1.0), (1.0, "critical", 0.889), (2.0, "warning", 0.444)],
)
def test_what_makes_a_spike_critical_grows_with_its_threshold(
    zscore: float, severity: str, confidence: float
) -> None:
    gaps = [10] * 4 + [5000] + [10] * 4
    events = [sample(second, gap) for second, gap in enumerate(gaps)]
    (found,) = analyze_hidden_memory_gaps(events, {"gap_spike_zscore": zscore})
    assert (found.severity, found.confidence) == (severity, confidence)
