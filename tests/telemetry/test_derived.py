"""Ratios derived from one event."""

from __future__ import annotations

import pytest

from stormlog.telemetry import derive_fields, derive_fields_v3, derive_fields_v4
from tests.vectors.harness import Case, load_cases


@pytest.mark.parametrize("case", load_cases("derived_fields"), ids=str)
def test_both_models_answer_as_recorded(case: Case) -> None:
    event = case.input["event"]
    assert derive_fields_v3(event) == case.expected["model_v3"]
    assert derive_fields_v4(event) == case.expected["model_v4"]


def test_each_record_is_read_by_the_model_it_was_written_for() -> None:
    counters = {
        "allocator_allocated_bytes": 60,
        "allocator_reserved_bytes": 100,
        "allocator_inactive_bytes": 10,
    }
    assert derive_fields({"schema_version": 3, **counters})["fragmentation_ratio"] == 0.4
    assert derive_fields({"schema_version": 4, **counters})["fragmentation_ratio"] == 0.1


@pytest.mark.parametrize("name", ["X.Fallback", "degraded", "host-unavailable", "PARTIAL", "legacy.unknown"])
def test_degraded_collectors_are_told_by_name(name: str) -> None:
    assert derive_fields({"collector": name})["is_degraded_collector"]
