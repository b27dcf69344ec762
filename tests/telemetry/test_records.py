"""Which records are accepted, and which event they become."""

from __future__ import annotations

import pickle
from types import MappingProxyType
from typing import Any

import pytest

from stormlog.telemetry import (
    TelemetryEvent,
    TelemetryEventV2,
    TelemetryEventV3,
    TelemetryEventV4,
    TelemetryRecordError,
    project_telemetry_event,
    project_telemetry_mapping,
    record_fits_engine,
    resolve_distributed_identity,
    telemetry_event_from_record,
    telemetry_event_to_dict,
    validate_telemetry_record,
)
from tests.telemetry.factories import record
from tests.telemetry.outcomes import assert_same, outcome
from tests.vectors.harness import Case, load_cases


def validated(value: Any) -> dict[str, bool]:
    validate_telemetry_record(value)
    return {"ok": True}


def converted(value: Any, **options: Any) -> dict[str, Any]:
    return telemetry_event_to_dict(telemetry_event_from_record(value, **options))


def projected_v4(value: Any, **options: Any) -> dict[str, Any]:
    event = telemetry_event_from_record(value, **options)
    projection = project_telemetry_event(event)
    return {
        "event": telemetry_event_to_dict(event),
        "record_id": projection.record_id,
        "source_kind": projection.source_kind,
    }


@pytest.mark.parametrize("case", load_cases("validation"), ids=str)
def test_validation_answers_as_recorded(case: Case) -> None:
    assert_same(outcome(validated, case.input["record"]), case.expected)


@pytest.mark.parametrize("case", load_cases("legacy_conversion"), ids=str)
def test_conversion_answers_as_recorded(case: Case) -> None:
    options = case.input.get("options", {})
    assert_same(outcome(converted, case.input["record"], **options), case.expected)


@pytest.mark.parametrize("case", load_cases("distributed_identity"), ids=str)
def test_identity_answers_as_recorded(case: Case) -> None:
    assert_same(outcome(resolve_distributed_identity, **case.input), case.expected)


@pytest.mark.parametrize("case", load_cases("v4_records"), ids=str)
def test_version_4_answers_as_recorded(case: Case) -> None:
    value, options = case.input["record"], case.input.get("options", {})
    assert_same(outcome(validated, value), case.expected["validate"])
    assert_same(outcome(projected_v4, value, **options), case.expected["convert"])


def test_conversion_leaves_the_record_alone() -> None:
    for source in (record(metadata={"a": 1}), {"timestamp": 1, "metadata": {"rank": 0}, "metadata_k": 1}):
        before = repr(source)
        event = telemetry_event_from_record(source)
        event.metadata["new"] = True
        assert repr(source) == before


def test_read_only_mappings_are_records_too() -> None:
    assert telemetry_event_from_record(MappingProxyType(record())) == telemetry_event_from_record(record())


def test_a_record_that_is_no_mapping_is_refused_by_validation() -> None:
    assert outcome(validated, [])["reason"] == "record_not_mapping"


def test_event_classes_check_themselves_once_when_made() -> None:
    event = TelemetryEventV3(**record())
    assert TelemetryEvent is TelemetryEventV3
    event.pid = -5  # plain and mutable
    with pytest.raises(TelemetryRecordError) as failure:
        TelemetryEventV3(**record(pid=-5))
    assert failure.value.code == "below_minimum:pid:-1"
    with pytest.raises(TelemetryRecordError) as failure:
        TelemetryEventV3(**record(schema_version=2))
    assert failure.value.code == "unsupported_schema_version:2"


def test_optional_constructor_fields_have_defaults() -> None:
    values = record()
    for name in ("job_id", "rank", "local_rank", "world_size", "metadata"):
        del values[name]
    assert telemetry_event_to_dict(TelemetryEventV3(**values)) == record()


def test_a_version_2_event_has_no_session_and_still_projects() -> None:
    values = record(schema_version=2)
    del values["session_id"]
    event = TelemetryEventV2(**values)
    assert telemetry_event_to_dict(event) == values
    assert project_telemetry_event(event) == project_telemetry_event(values)


def test_a_version_4_event_keeps_unknown_counters_unknown() -> None:
    bare = record(schema_version=4, device_used_bytes=None, allocator_change_bytes=None, job_id="j")
    event = telemetry_event_from_record(bare)
    assert isinstance(event, TelemetryEventV4)
    values = telemetry_event_to_dict(event)
    assert values["schema_version"] == 4
    assert values["device_used_bytes"] is None
    assert values["metadata"]["memory_capabilities"]["supports_device_used"] is False
    assert TelemetryEventV4(**values) == event
    assert project_telemetry_event(event) == project_telemetry_mapping(values)
    with pytest.raises(TelemetryRecordError) as failure:
        TelemetryEventV4(**bare)
    assert failure.value.code == "capabilities_not_object"


def test_inferred_capabilities_must_not_contradict_the_record() -> None:
    odd = record(schema_version=4, allocator_allocated_bytes=None, allocator_change_bytes=1)
    assert outcome(converted, odd)["reason"] == "counter_present_but_unsupported:allocator_change_bytes"


@pytest.mark.parametrize(
    ("source", "code"),
    [
        ({"timestamp": float("inf")}, "not_finite:timestamp"),
        ({"timestamp": 10**400}, "not_finite:timestamp"),
        ({"timestamp": 1, "memory_mb": float("-inf")}, "not_finite:memory_mb"),
        ({"timestamp": 1, "device": "cuda:²"}, "not_integer:device"),
    ],
)
def test_odd_numbers_of_older_records_are_rejected_with_a_code(source: dict[str, Any], code: str) -> None:
    assert outcome(converted, source) == {"error": "ValueError", "reason": code}


def test_only_64_bit_integers_fit_the_engine() -> None:
    assert record_fits_engine(converted(record(timestamp_ns=2**63 - 1))) is None
    assert record_fits_engine(converted(record(timestamp_ns=2**63))) == "out_of_range:timestamp_ns"
    low = record(allocator_change_bytes=-(2**63) - 1)
    assert record_fits_engine(converted(low)) == "out_of_range:allocator_change_bytes"


def test_record_errors_survive_pickling() -> None:
    error = pickle.loads(pickle.dumps(TelemetryRecordError("a:b", "words")))
    assert (error.code, str(error)) == ("a:b", "words")
