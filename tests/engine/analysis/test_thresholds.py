"""Hidden memory at, just below and just above every threshold: SQL and Python find what the table says."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import stormlog.query
from stormlog.engine.reading import line_files
from stormlog.issues import analyze_hidden_memory_gaps
from tests.engine.reading.mutations import capabilities
from tests.engine.reading.test_parquet_columns import good_row, segment, sink_of
from tests.query.sinks import SECOND, START_NS, write_lines
from tests.telemetry.factories import record

DRIFT, SPIKE, FRAGMENTS = "persistent_drift", "transient_spike", "fragmentation_like"
#: A sample whose counters allow a fragmentation of 40 percent, in version 4.
INACTIVE = {
    "schema_version": 4,
    "allocator_reserved_bytes": 1000,
    "allocator_allocated_bytes": 1000,
    "allocator_inactive_bytes": 400,
}


def series(gaps: list[int], total: int = 20, reserved: int = 0, **changes: Any) -> list[dict[str, Any]]:
    """Return samples a second apart; the device holds what is reserved and as much again as the gap."""
    return [
        record(
            timestamp_ns=START_NS + number * SECOND,
            device_used_bytes=reserved + gap,
            device_total_bytes=total,
            allocator_reserved_bytes=reserved,
            allocator_allocated_bytes=0,
        )
        | changes
        for number, gap in enumerate(gaps)
    ]


def fragmented(allocated: list[int], reserved: int = 1000, **changes: Any) -> list[dict[str, Any]]:
    """Return samples of which so much of the reserved memory is handed out."""
    samples = series([1000] * len(allocated), total=10_000, reserved=reserved, **changes)
    return [{**row, "allocator_allocated_bytes": used} for row, used in zip(samples, allocated, strict=True)]


def told(**flags: bool) -> dict[str, Any]:
    return {**INACTIVE, "metadata": {"memory_capabilities": capabilities(**flags)}}


FLAT_24 = [0] * 5 + [1] * 3 + [2] * 10 + [3] * 5

#: Name, samples, and the findings of that session: classification, severity, confidence.
SERIES: list[tuple[str, list[dict[str, Any]], list[tuple[str, str, float]]]] = [
    # The largest gap is at least 5 percent of the device.
    ("gap of 5 percent", series([1000, 2000, 3000, 4000, 5000], 100_000), [(DRIFT, "critical", 1.0)]),
    ("gap below 5 percent", series([999, 1999, 2999, 3999, 4999], 100_000), []),
    ("gap above 5 percent", series([1001, 2001, 3001, 4001, 5001], 100_000), [(DRIFT, "critical", 1.0)]),
    (
        "negative gap of 5 percent",
        series([-5000, -4000, -3000, -2000, -1000], 100_000, 50_000, allocator_allocated_bytes=50_000),
        [(DRIFT, "critical", 1.0)],
    ),
    (
        "negative gap below 5 percent",
        series([-4999, -4000, -3000, -2000, -1000], 100_000, 50_000, allocator_allocated_bytes=50_000),
        [],
    ),
    # A drift has five samples and rises.
    ("drift of 4 samples", series([1, 2, 3, 4]), []),
    ("drift of 5 samples", series([1, 2, 3, 4, 5]), [(DRIFT, "critical", 1.0)]),
    ("falling gap", series([5, 4, 3, 2, 1]), []),
    ("equal gaps", series([5, 5, 5, 5, 5]), []),
    # R squared of at least 0.6, and critical above 0.85.
    ("r squared of 0.6", series([0, 1, 0, 1, 3]), [(DRIFT, "warning", 0.6)]),
    ("r squared below 0.6", series([0, 1001, 0, 1000, 3000], 20_000), []),
    ("r squared above 0.6", series([0, 999, 0, 1000, 3000], 20_000), [(DRIFT, "warning", 0.6)]),
    ("r squared of 0.85", series([0, 2, 1, 5, 7]), [(DRIFT, "warning", 0.85)]),
    ("r squared below 0.85", series([0, 2001, 1000, 5000, 7000], 20_000), [(DRIFT, "warning", 0.85)]),
    ("r squared above 0.85", series([0, 1999, 1000, 5000, 7000], 20_000), [(DRIFT, "critical", 0.85)]),
    # A z-score above 2, and critical above 4.
    ("z-score of 2", series([0, 5, 0, 1, 0, 0]), []),
    ("z-score below 2", series([0, 4, 0, 1, 0, 0]), []),
    ("z-score above 2", series([0, 6, 0, 1, 0, 0]), [(SPIKE, "warning", 0.335)]),
    ("z-score of 4", series([10, *FLAT_24]), [(SPIKE, "warning", 0.667)]),
    ("z-score above 4", series([11, *FLAT_24]), [(SPIKE, "critical", 0.686)]),
    ("largest gap at the cutoff", series([0, 1, 0, 1, 0, 1, 0, 1, 3]), [(SPIKE, "warning", 0.381)]),
    # Fragmentation has three samples, an average of at least 0.3, and is critical above 0.5.
    ("fragmentation of 2 samples", fragmented([600] * 2), []),
    ("fragmentation of 3 samples", fragmented([600] * 3), [(FRAGMENTS, "warning", 0.667)]),
    ("fragmentation of 0.3", fragmented([700] * 3), [(FRAGMENTS, "warning", 0.5)]),
    ("fragmentation below 0.3", fragmented([700, 700, 701]), []),
    ("fragmentation above 0.3", fragmented([700, 700, 699]), [(FRAGMENTS, "warning", 0.501)]),
    ("fragmentation of 0.5", fragmented([500] * 3), [(FRAGMENTS, "warning", 0.833)]),
    ("fragmentation below 0.5", fragmented([500, 500, 501]), [(FRAGMENTS, "warning", 0.833)]),
    ("fragmentation above 0.5", fragmented([500, 500, 499]), [(FRAGMENTS, "critical", 0.834)]),
    ("more allocated than reserved", fragmented([2000, 2000, 100]), [(FRAGMENTS, "warning", 0.5)]),
    ("one reserved byte", fragmented([0] * 3, reserved=1), [(FRAGMENTS, "critical", 1.0)]),
    ("nothing reserved", fragmented([0] * 3, reserved=0), []),
    # Records of version 4 say whether their fragmentation is known.
    ("both flags", fragmented([1000] * 3, **told()), [(FRAGMENTS, "warning", 0.667)]),
    ("no analysis", fragmented([1000] * 3, **told(supports_fragmentation_analysis=False)), []),
    (
        "no inactive bytes",
        fragmented(
            [1000] * 3, **told(supports_allocator_inactive=False) | {"allocator_inactive_bytes": None}
        ),
        [],
    ),
    ("inactive unknown", fragmented([0] * 3, **told() | {"allocator_inactive_bytes": None}), []),
    (
        "inactive unknown in one sample",
        [
            *fragmented([0] * 3, **told()),
            *fragmented([0], **told() | {"allocator_inactive_bytes": None}),
        ],
        [(FRAGMENTS, "warning", 0.667)],
    ),
    ("version 3 counts what is not allocated", fragmented([1000] * 3, allocator_inactive_bytes=900), []),
    # What is no sample, or lacks a counter, has no gap.
    ("no samples", series([1, 2, 3, 4, 5], event_type="start"), []),
    (
        "samples spelled otherwise",
        series([1, 2, 3, 4, 5], event_type=" Sample\t"),
        [(DRIFT, "critical", 1.0)],
    ),
    ("device of no size", series([0, 0, 0, 0, 0], 0), []),
    (
        "device of no size in the last sample",
        [
            *series([1, 2, 3, 4, 5]),
            *(row | {"timestamp_ns": START_NS + 9 * SECOND} for row in series([0], 0)),
        ],
        [(DRIFT, "critical", 1.0)],
    ),
    ("device of unknown size", series([1, 2, 3, 4, 5], None), []),  # type: ignore[arg-type]
    (
        "unknown use",
        fragmented([0] * 3, **told() | {"device_used_bytes": None}),
        [],
    ),
    # A session without any time between its samples does not drift.
    ("one instant", series([1, 2, 3, 4, 5], timestamp_ns=START_NS), []),
]
NAMES = [name for name, _, _ in SERIES]


@pytest.mark.parametrize(("name", "events", "wanted"), SERIES, ids=NAMES)
def test_python_finds_this(
    name: str, events: list[dict[str, Any]], wanted: list[tuple[str, str, float]]
) -> None:
    found = analyze_hidden_memory_gaps(events)
    assert [(item.classification, item.severity, item.confidence) for item in found] == wanted


def findings(path: Path) -> dict[str, list[tuple[str, str, float]]]:
    with stormlog.query.open([path], cache=False) as store:
        rows = store.sql(
            "SELECT session_id, classification, severity, confidence FROM memory_gaps ORDER BY finding_number"
        ).rows
        # Anything else that goes wrong would be no finding either.
        assert store.rejects() == []
    found: dict[str, list[tuple[str, str, float]]] = {name: [] for name in NAMES}
    for session_id, *finding in rows:
        found[session_id].append(tuple(finding))
    return found


def write_series(folder: Path) -> Path:
    for number, (name, events, _) in enumerate(SERIES):
        write_lines(folder / f"s{number:02}.jsonl", [{**event, "session_id": name} for event in events])
    return folder


@pytest.mark.parametrize("shapes_pay_bytes", [0, 2**60], ids=["with-shapes", "without-shapes"])
def test_lines_give_this(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, shapes_pay_bytes: int) -> None:
    monkeypatch.setattr(line_files, "SHAPES_PAY_BYTES", shapes_pay_bytes)

    assert findings(write_series(tmp_path)) == {name: wanted for name, _, wanted in SERIES}


def test_columns_of_parquet_give_this(tmp_path: Path) -> None:
    rows = [{**event, "session_id": name} for name, events, _ in SERIES for event in events]
    sink = sink_of(tmp_path / "sink", segment([good_row(**row) for row in rows]))

    assert findings(sink) == {name: wanted for name, _, wanted in SERIES}


def test_sums_too_large_for_sql_give_this(tmp_path: Path) -> None:
    # Of a petabyte and more, the sums are Python's.
    unit = 2**51
    cases = [
        ("z-score of 2", [0, 5, 0, 1, 0, 0], []),
        ("z-score above 2", [0, 6, 0, 1, 0, 0], [(SPIKE, "warning", 0.335)]),
        ("r squared of 0.6", [0, 1, 0, 1, 3], [(DRIFT, "warning", 0.6)]),
        ("drift of 4 samples", [1, 2, 3, 4], []),
    ]
    for name, gaps, _ in cases:
        events = series([gap * unit for gap in gaps], 20 * unit)
        write_lines(
            tmp_path / f"{name.replace(' ', '-')}.jsonl", [{**event, "session_id": name} for event in events]
        )

    found = findings(tmp_path)

    assert {name: found[name] for name, _, _ in cases} == {name: wanted for name, _, wanted in cases}
