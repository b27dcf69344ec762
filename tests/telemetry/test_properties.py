"""What holds for every record: ids do not depend on spelling, and conversion is a round trip."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from stormlog.telemetry import (
    project_telemetry_event,
    telemetry_event_from_record,
    telemetry_event_to_dict,
    validate_telemetry_record,
)
from stormlog.telemetry.projection import canonical_json
from tests.telemetry.factories import record

TEXT = st.text(st.characters(exclude_categories=()), max_size=8)
NON_BLANK = TEXT.filter(lambda text: bool(text.strip()))
COUNTER = st.integers(0, 2**70)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=6,
)


@st.composite
def records(draw: st.DrawFn) -> dict[str, Any]:
    world_size = draw(st.integers(1, 8))
    total = draw(st.none() | COUNTER)
    within = COUNTER if total is None else st.integers(0, total)
    return record(
        session_id=draw(NON_BLANK),
        timestamp_ns=draw(COUNTER),
        event_type=draw(NON_BLANK),
        collector=draw(NON_BLANK),
        host=draw(NON_BLANK),
        job_id=draw(st.none() | NON_BLANK),
        world_size=world_size,
        rank=draw(st.integers(0, world_size - 1)),
        local_rank=draw(st.integers(0, world_size - 1)),
        device_id=draw(st.integers(-1, 8)),
        allocator_active_bytes=draw(st.none() | COUNTER),
        allocator_change_bytes=draw(st.integers()),
        device_used_bytes=draw(within),
        device_free_bytes=draw(st.none() | within),
        device_total_bytes=total,
        context=draw(st.none() | TEXT),
        metadata=draw(st.dictionaries(TEXT, JSON, max_size=4)),
    )


def shuffled(value: Any, order: Any) -> Any:
    """Return the same data with the keys of every object in another order."""
    if isinstance(value, dict):
        keys = list(value)
        order.shuffle(keys)
        return {key: shuffled(value[key], order) for key in keys}
    return [shuffled(item, order) for item in value] if isinstance(value, list) else value


@given(records(), st.randoms(use_true_random=False), st.sampled_from([None, 0, 3]), st.booleans())
def test_ids_do_not_depend_on_key_order_spacing_or_escapes(
    source: dict[str, Any], order: Any, indent: int | None, ascii_only: bool
) -> None:
    text = json.dumps(shuffled(source, order), indent=indent, ensure_ascii=ascii_only)
    again = json.loads(text)
    assert canonical_json(again) == canonical_json(source)
    assert project_telemetry_event(again).record_id == project_telemetry_event(source).record_id


@given(records())
def test_conversion_is_a_round_trip(source: dict[str, Any]) -> None:
    validate_telemetry_record(source)
    event = telemetry_event_from_record(source)
    values = telemetry_event_to_dict(event)
    assert values == source
    assert list(values) == list(source)
    assert telemetry_event_from_record(values) == event
    assert type(event)(**values) == event


@given(records(), st.sets(st.sampled_from(["allocator_allocated_bytes", "device_used_bytes"])))
def test_version_4_is_a_round_trip_once_it_has_capabilities(
    source: dict[str, Any], unknown: set[str]
) -> None:
    source = {**source, "schema_version": 4, **dict.fromkeys(unknown)}
    if "allocator_allocated_bytes" in unknown:
        source["allocator_change_bytes"] = None
    source["metadata"].pop("memory_capabilities", None)
    values = telemetry_event_to_dict(telemetry_event_from_record(source))
    validate_telemetry_record(values)
    assert telemetry_event_to_dict(telemetry_event_from_record(values)) == values


@given(records())
def test_one_value_changed_is_another_id(source: dict[str, Any]) -> None:
    other = {**source, "timestamp_ns": source["timestamp_ns"] + 1}
    assert project_telemetry_event(other).record_id != project_telemetry_event(source).record_id
