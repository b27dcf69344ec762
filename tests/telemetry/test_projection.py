"""The projected shape and the content hash."""

from __future__ import annotations

from typing import Any

import pytest

from stormlog.telemetry import (
    project_telemetry_event,
    project_telemetry_events,
    project_telemetry_mapping,
    projected_record_to_dict,
    unique_projected_correlations,
    unique_projected_resources,
)
from stormlog.telemetry.projection import canonical_json, record_id
from tests.telemetry.factories import record
from tests.telemetry.outcomes import assert_same, outcome
from tests.vectors.harness import Case, load_cases


def projected(given: dict[str, Any]) -> dict[str, Any]:
    observed = given.get("observed_timestamp_ns")
    return {
        "record": projected_record_to_dict(
            project_telemetry_mapping(given["record"], observed_timestamp_ns=observed)
        ),
        "hashed_text": canonical_json(given["record"]),
    }


@pytest.mark.parametrize("case", load_cases("projections"), ids=str)
def test_projections_answer_as_recorded(case: Case) -> None:
    assert_same(outcome(projected, case.input), case.expected)


@pytest.mark.parametrize("case", load_cases("projection_of_events"), ids=str)
def test_projected_events_answer_as_recorded(case: Case) -> None:
    def answer() -> dict[str, Any]:
        return projected_record_to_dict(project_telemetry_event(case.input["event"]))

    assert_same(outcome(answer), case.expected)


@pytest.mark.parametrize("case", load_cases("projection_uniques"), ids=str)
def test_distinct_resources_and_correlations_answer_as_recorded(case: Case) -> None:
    records = [project_telemetry_mapping(item) for item in case.input["records"]]
    assert_same(
        {
            "resources": unique_projected_resources(records),
            "correlations": unique_projected_correlations(records),
        },
        case.expected,
    )


def test_nested_values_are_read_only() -> None:
    projection = project_telemetry_event(record(metadata={"a": {"b": [1, {"c": 2}]}}))
    assert projection.attributes["a"]["b"][1]["c"] == 2
    with pytest.raises(TypeError):
        projection.attributes["a"]["b"][1]["c"] = 3
    with pytest.raises(AttributeError):
        projection.stage = "x"  # type: ignore[misc]
    assert projected_record_to_dict(projection)["attributes"]["a"] == {"b": [1, {"c": 2}]}


def test_python_values_that_json_does_not_know_are_hashed_as_text() -> None:
    odd = record(metadata={1: (1, {2: "x"}), False: None, "where": object})
    expected = {"1": [1, {"2": "x"}], "False": None, "where": str(object)}
    assert canonical_json(odd) == canonical_json(record(metadata=expected))
    assert record_id(odd) == record_id(record(metadata=expected))


def test_order_is_kept_and_versions_share_ids() -> None:
    older = {**record(), "schema_version": 2}
    one, two = project_telemetry_events([older, record(timestamp_ns=1)])
    assert one.record_id == project_telemetry_event(record()).record_id
    assert two.timestamp_ns == 1


def test_metadata_nested_beyond_reason_is_a_bad_record() -> None:
    deep: Any = None
    for _ in range(5_000):
        deep = [deep]
    answer = outcome(project_telemetry_event, record(metadata={"deep": deep}))
    assert answer == {"error": "ValueError", "reason": "nested_too_deeply"}
