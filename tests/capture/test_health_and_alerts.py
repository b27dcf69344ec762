"""A collector that fails and a condition that lasts are each told once."""

from __future__ import annotations

import itertools
from typing import Any

import pytest

from stormlog.capture import AlertOptions, MemoryReading
from stormlog.capture.alerts import AlertRules
from stormlog.capture.health import CollectorHealth

GIB = 1024**3


def test_failures_are_one_event_and_longer_and_longer_pauses() -> None:
    health = CollectorHealth()
    change = health.failed(OSError("gone"), 0.0, 1000.0)
    assert change is not None
    assert change.event_type == "collector_degraded"
    assert change.metadata["collector_degraded_from"] == "healthy"
    assert health.facts == {
        "collector_health_status": "unhealthy",
        "telemetry_partial": True,
        "collector_partial_fields": [],
        "collector_last_error": "gone",
        "collector_consecutive_failures": 1,
        "collector_next_retry_epoch_s": 1000.15,
    }
    now, tried = 0.0, []
    for _ in range(1600):
        now += 0.05
        if health.is_due(now):
            tried.append(now)
            assert health.failed(OSError("gone"), now, 1000 + now) is None
    pauses = [later - earlier for earlier, later in itertools.pairwise([0.0, *tried])]
    assert pauses == pytest.approx([0.15, 0.3, 0.6, 1.2, 2.4, 4.8, 9.6, 19.2, 30.0], abs=0.051)

    change = health.succeeded(MemoryReading(0, allocated=1))
    assert change is not None
    assert change.event_type == "collector_recovered"
    assert change.metadata["collector_previous_failure_count"] == 10
    assert health.facts["collector_health_status"] == "healthy"
    assert health.succeeded(MemoryReading(0, allocated=1)) is None


def test_missing_counters_are_a_degraded_collector() -> None:
    health = CollectorHealth()
    reading = MemoryReading(0, missing=("device_free_bytes",))
    change = health.succeeded(reading)
    assert change is not None and change.metadata["collector_transition"] == "degraded"
    assert health.facts["collector_partial_fields"] == ["device_free_bytes"]
    assert health.succeeded(reading) is None
    assert health.succeeded(MemoryReading(0, missing=("device_total_bytes",))) is not None
    change = health.failed(RuntimeError(), 0.0, 0.0)
    assert change is not None and change.metadata["collector_degraded_from"] == "degraded"
    assert health.facts["collector_last_error"] == "RuntimeError"


def _alerts(options: AlertOptions, readings: list[MemoryReading], step: float = 1.0) -> list[tuple[int, str]]:
    rules = AlertRules(options, tells_fragmentation=True)
    return [
        (number, alert.context)
        for number, reading in enumerate(readings)
        for alert in rules.alerts(reading, number * step)
    ]


def _used(*percents: float) -> list[MemoryReading]:
    return [MemoryReading(0, used=round(10 * percent), total=1000) for percent in percents]


@pytest.mark.parametrize(
    ("percents", "expected"),
    [
        ([79.9], []),
        ([80.0], [(0, "WARNING: Memory usage at 80.0%")]),
        ([81, 82, 81], [(0, "WARNING: Memory usage at 81.0%")]),
        ([81, 76, 81], [(0, "WARNING: Memory usage at 81.0%")]),
        ([81, 75, 81], [(0, "WARNING: Memory usage at 81.0%")]),
        ([81, 74, 81], [(0, "WARNING: Memory usage at 81.0%"), (2, "WARNING: Memory usage at 81.0%")]),
        ([81, 95], [(0, "WARNING: Memory usage at 81.0%"), (1, "CRITICAL: Memory usage at 95.0%")]),
        ([96, 85, 96], [(0, "CRITICAL: Memory usage at 96.0%"), (2, "CRITICAL: Memory usage at 96.0%")]),
        ([96, 91, 96], [(0, "CRITICAL: Memory usage at 96.0%")]),
        ([96, 10, 81], [(0, "CRITICAL: Memory usage at 96.0%"), (2, "WARNING: Memory usage at 81.0%")]),
    ],
)
def test_scarce_memory_is_told_once_for_each_level(
    percents: list[float], expected: list[tuple[int, str]]
) -> None:
    assert _alerts(AlertOptions(), _used(*percents)) == expected


def test_what_others_use_counts_as_used() -> None:
    reading = MemoryReading(-1, used=10, free=40, total=1000)
    assert _alerts(AlertOptions(), [reading]) == [(0, "CRITICAL: Memory usage at 96.0%")]
    assert _alerts(AlertOptions(), [MemoryReading(-1, used=10), MemoryReading(-1, total=0, used=0)]) == []


def test_fragmentation_is_told_once_until_it_has_passed() -> None:
    def share(value: float) -> MemoryReading:
        return MemoryReading(0, allocated=round(GIB * (1 - value)), reserved=GIB)

    readings = [share(value) for value in (0.3, 0.31, 0.4, 0.26, 0.31, 0.24, 0.31)]
    assert _alerts(AlertOptions(), readings) == [
        (1, "High fragmentation: 31.0%"),
        (6, "High fragmentation: 31.0%"),
    ]
    small = MemoryReading(0, allocated=0, reserved=1000)
    assert _alerts(AlertOptions(), [small]) == []
    assert AlertRules(AlertOptions(), tells_fragmentation=False).alerts(share(0.9), 0.0) == []


def test_growth_within_the_window_is_told_once_until_it_slows_down() -> None:
    def at(*gibs: float) -> list[MemoryReading]:
        return [MemoryReading(0, allocated=round(gib * GIB)) for gib in gibs]

    options = AlertOptions(growth_bytes=GIB, growth_window_seconds=3)
    assert _alerts(options, at(0, 0, 1, 1)) == []
    assert _alerts(options, at(0, 0, 1.5, 1.5, 3, 4.5, 6)) == [(2, "Large allocation detected: 1.50 GB")]
    assert _alerts(options, at(0, 0, 1.5, 1.5, 1.5, 1.5, 1.5, 3)) == [
        (2, "Large allocation detected: 1.50 GB"),
        (7, "Large allocation detected: 1.50 GB"),
    ]
    assert _alerts(options, at(2, 0.2, 0.3, 1.1)) == []
    assert _alerts(options, at(0, 0.4, 0.8, 1.2, 1.6, 2.0)) == [(3, "Large allocation detected: 1.20 GB")]
    tenth = [MemoryReading(0, allocated=allocated, total=1000) for allocated in (0, 100, 101)]
    assert _alerts(AlertOptions(), tenth) == [(2, "Large allocation detected: 0.00 MB")]


def test_growth_since_the_sample_before_counts_however_long_ago_that_was() -> None:
    options = AlertOptions(growth_bytes=GIB, growth_window_seconds=1)
    readings = [MemoryReading(0, allocated=gib * GIB) for gib in (1, 3, 3, 8)]
    assert _alerts(options, readings, step=60.0) == [
        (1, "Large allocation detected: 2.00 GB"),
        (3, "Large allocation detected: 5.00 GB"),
    ]


@pytest.mark.parametrize(
    "options",
    [
        {"warning_percent": 0},
        {"warning_percent": 96},
        {"critical_percent": 101},
        {"margin_percent": 80},
        {"fragmentation": 0},
        {"fragmentation": 1.1},
        {"fragmentation_margin": 0.3},
        {"growth_bytes": 0},
        {"growth_window_seconds": 0},
    ],
)
def test_limits_that_make_no_sense_are_refused(options: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=next(iter(options)).split("_")[0]):
        AlertOptions(**options).check()
