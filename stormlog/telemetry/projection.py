"""The common shape in which every event is shown: resource, attributes, correlation, severity, stage.

Source: docs/concepts.md#projection.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from types import MappingProxyType
from typing import Any

from stormlog._readable_times import ReadableTime
from stormlog.telemetry.checks import is_integer, is_non_blank_text
from stormlog.telemetry.conversion import telemetry_event_from_record
from stormlog.telemetry.errors import TelemetryRecordError
from stormlog.telemetry.events import (
    AnyTelemetryEvent,
    TelemetryEventV2,
    TelemetryEventV3,
    TelemetryEventV4,
    telemetry_event_to_dict,
)

__all__ = [
    "TELEMETRY_PROJECTION_SCHEMA_VERSION",
    "ProjectedTelemetryRecord",
    "canonical_json",
    "project_telemetry_event",
    "project_telemetry_events",
    "project_telemetry_mapping",
    "projected_record_to_dict",
    "record_id",
    "severity",
    "source_kind",
    "stage",
    "unique_projected_correlations",
    "unique_projected_resources",
]

TELEMETRY_PROJECTION_SCHEMA_VERSION = 1

_BACKENDS = frozenset({"cpu", "cuda", "rocm", "mps", "tensorflow"})
# In this order: a collector may contain several.
_WORDS_IN_COLLECTORS = ("cuda", "rocm", "mps", "cpu", "tensorflow")
_SEVERITY_OF_EVENT_TYPE = {
    "critical": "critical",
    "error": "error",
    "warning": "warning",
    "collector_degraded": "warning",
    "collector_recovered": "info",
    "start": "info",
    "stop": "info",
    "phase_enter": "info",
    "phase_exit": "info",
    "sample": "info",
}
_RESOURCE_FIELDS = (
    "collector",
    "host",
    "pid",
    "device_id",
    "job_id",
    "rank",
    "local_rank",
    "world_size",
)
_ATTRIBUTES = {
    "sampling.interval_ms": "sampling_interval_ms",
    "memory.allocator.allocated_bytes": "allocator_allocated_bytes",
    "memory.allocator.reserved_bytes": "allocator_reserved_bytes",
    "memory.allocator.active_bytes": "allocator_active_bytes",
    "memory.allocator.inactive_bytes": "allocator_inactive_bytes",
    "memory.allocator.change_bytes": "allocator_change_bytes",
    "memory.device.used_bytes": "device_used_bytes",
    "memory.device.free_bytes": "device_free_bytes",
    "memory.device.total_bytes": "device_total_bytes",
}
_CORRELATION_FIELDS = ("session_id", "job_id", "rank", "local_rank", "world_size")
_PHASE_CORRELATIONS = {
    "phase.scope_id": "scope_id",
    "phase.parent_scope_id": "parent_scope_id",
    "phase.sequence": "sequence",
}
_CANONICAL = json.JSONEncoder(sort_keys=True)
_ORDINARY_SCALARS = frozenset({str, int, float, bool, type(None)})


@dataclass(frozen=True)
class ProjectedTelemetryRecord:
    """One projected event; times are nanoseconds since the Unix epoch, nested values are read-only."""

    schema_version: int
    record_id: str
    timestamp_ns: int
    observed_timestamp_ns: int
    session_id: str
    source_kind: str
    event_type: str
    stage: str | None
    severity: str | None
    severity_text: str | None
    body: str | None
    resource: Mapping[str, Any]
    attributes: Mapping[str, Any]
    correlation: Mapping[str, Any]
    timestamp = ReadableTime()
    observed_timestamp = ReadableTime()


def project_telemetry_mapping(
    record: Mapping[str, Any], *, observed_timestamp_ns: int | None = None
) -> ProjectedTelemetryRecord:
    """Project a record exactly as it is: absent keys are null, and extra keys change the id.

    Args:
        record: Any mapping with a session id, a time, an event type and an object as metadata, if any.
        observed_timestamp_ns: When it was seen; the record's own time if None.

    Raises:
        TelemetryRecordError: ``projection_requires:...`` or ``projection_metadata_not_mapping``.

    Source: docs/concepts.md#projection.
    """
    session_id = record.get("session_id")
    if not is_non_blank_text(session_id):
        raise _required("session_id")
    timestamp_ns = record.get("timestamp_ns")
    if not is_integer(timestamp_ns):
        raise _required("integer timestamp_ns")
    observed = timestamp_ns
    if observed_timestamp_ns is not None:
        if not is_integer(observed_timestamp_ns):
            raise _required("integer observed_timestamp_ns")
        if observed_timestamp_ns < 0:
            raise _required("non-negative observed_timestamp_ns")
        observed = observed_timestamp_ns
    event_type = record.get("event_type")
    if not is_non_blank_text(event_type):
        raise _required("event_type")
    metadata = record.get("metadata", {})
    if not isinstance(metadata, Mapping):
        raise TelemetryRecordError(
            "projection_metadata_not_mapping", f"metadata must be an object, not {type(metadata).__name__}"
        )
    kind = source_kind(metadata, record.get("collector"), record.get("device_id"))
    text = metadata.get("severity_text")
    context = record.get("context")
    resource = {"source_kind": kind} | {field: record.get(field) for field in _RESOURCE_FIELDS}
    attributes = {**metadata} | {name: record.get(field) for name, field in _ATTRIBUTES.items()}
    return ProjectedTelemetryRecord(
        schema_version=TELEMETRY_PROJECTION_SCHEMA_VERSION,
        record_id=record_id(record),
        timestamp_ns=timestamp_ns,
        observed_timestamp_ns=observed,
        session_id=session_id,
        source_kind=kind,
        event_type=event_type,
        stage=stage(metadata),
        severity=severity(metadata, event_type),
        severity_text=None if text is None else str(text),
        body=None if context is None else str(context),
        resource=_freeze(resource),
        attributes=_freeze(attributes),
        correlation=_freeze(_correlation(record, metadata)),
    )


def project_telemetry_event(
    event: AnyTelemetryEvent | TelemetryEventV2 | Mapping[str, Any],
) -> ProjectedTelemetryRecord:
    """Project an event, or a record of any accepted form after conversion.

    Raises:
        TelemetryRecordError: the record cannot be converted.

    Source: docs/concepts.md#projection.
    """
    if isinstance(event, TelemetryEventV2):
        event = telemetry_event_to_dict(event)
    if not isinstance(event, TelemetryEventV3 | TelemetryEventV4):
        event = telemetry_event_from_record(event)
    return project_telemetry_mapping(telemetry_event_to_dict(event))


def project_telemetry_events(
    events: Iterable[AnyTelemetryEvent | TelemetryEventV2 | Mapping[str, Any]],
) -> list[ProjectedTelemetryRecord]:
    """Project each event, in order."""
    return [project_telemetry_event(event) for event in events]


def projected_record_to_dict(record: ProjectedTelemetryRecord) -> dict[str, Any]:
    """Return the 14 fields in order as plain, nested dicts and lists."""
    return {field.name: _thaw(getattr(record, field.name)) for field in fields(record)}


def unique_projected_resources(records: Iterable[ProjectedTelemetryRecord]) -> list[dict[str, Any]]:
    """Return the distinct resources as plain dicts, in order of first appearance."""
    return _distinct(record.resource for record in records)


def unique_projected_correlations(records: Iterable[ProjectedTelemetryRecord]) -> list[dict[str, Any]]:
    """Return the distinct correlations as plain dicts, in order of first appearance."""
    return _distinct(record.correlation for record in records)


def source_kind(metadata: Mapping[str, Any], collector: object, device_id: object) -> str:
    """Return ``cpu``, ``cuda``, ``rocm``, ``mps``, ``tensorflow``, ``gpu`` or ``other``.

    A known backend decides, then a known word anywhere in the collector's name, then the device.
    """
    backend = metadata.get("backend")
    if isinstance(backend, str) and (name := backend.strip().lower()) in _BACKENDS:
        return name
    if isinstance(collector, str):
        folded = collector.lower()
        for word in _WORDS_IN_COLLECTORS:
            if word in folded:
                return word
    # Only a mapping that was never validated can hold a boolean here; it counts as 0 or 1.
    return "gpu" if isinstance(device_id, int) and device_id >= 0 else "other"


def stage(metadata: Mapping[str, Any]) -> str | None:
    """Return the phase that the metadata names, untrimmed, or None."""
    scope = metadata.get("phase_scope")
    if not isinstance(scope, Mapping):
        return None
    name = scope.get("name")
    if is_non_blank_text(name):
        return name
    path = scope.get("path")
    if isinstance(path, list) and path and is_non_blank_text(path[-1]):
        return path[-1]
    return None


def severity(metadata: Mapping[str, Any], event_type: str) -> str | None:
    """Return the severity that the metadata states, in lower case, else the event type's, else None."""
    stated = metadata.get("severity")
    if is_non_blank_text(stated):
        return stated.strip().lower()
    return _SEVERITY_OF_EVENT_TYPE.get(event_type.strip().lower())


def record_id(record: Mapping[str, Any]) -> str:
    """Return the content hash of a record: ``telemetry-`` and 32 hexadecimal digits.

    Neither the order of keys nor the spacing of the source matters; every key and value does.

    Source: docs/concepts.md#projection.
    """
    import hashlib  # Late: ids are asked for rarely, and the import takes milliseconds.

    digest = hashlib.sha256(canonical_json(record).encode("ascii")).hexdigest()
    return f"telemetry-{digest[:32]}"


def canonical_json(record: Mapping[str, Any]) -> str:
    """Return the one JSON text of a mapping: sorted keys, ASCII, ``", "`` and ``": "``.

    Keys become text, tuples become lists, and other Python objects their text.

    Raises:
        TelemetryRecordError: ``nested_too_deeply``.
    """
    try:
        if _is_ordinary(record):
            return _CANONICAL.encode(record)
        # Objects that become text and keys that become equal as text need the second pass.
        text = json.dumps(_jsonable(record), sort_keys=True, default=str)
        return _CANONICAL.encode(json.loads(text))
    except RecursionError as error:
        raise TelemetryRecordError("nested_too_deeply", "the record is nested too deeply") from error


def _required(what: str) -> TelemetryRecordError:
    return TelemetryRecordError(f"projection_requires:{what}", f"a projected record needs {what}")


def _correlation(record: Mapping[str, Any], metadata: Mapping[str, Any]) -> dict[str, Any]:
    correlation = {field: record.get(field) for field in _CORRELATION_FIELDS}
    scope = metadata.get("phase_scope")
    if isinstance(scope, Mapping):
        for name, field in _PHASE_CORRELATIONS.items():
            value = scope.get(field)
            if value is not None:
                correlation[name] = value
    return correlation


def _distinct(mappings: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    found: dict[str, dict[str, Any]] = {}
    for mapping in mappings:
        plain: dict[str, Any] = _thaw(mapping)
        found.setdefault(canonical_json(plain), plain)
    return list(found.values())


def _is_ordinary(value: Any) -> bool:
    """Tell whether a value is what reading JSON yields, so that one pass writes it canonically."""
    kind = type(value)
    if kind in _ORDINARY_SCALARS:
        return True
    if kind is dict:
        return all(type(key) is str and _is_ordinary(item) for key, item in value.items())
    return kind is list and all(_is_ordinary(item) for item in value)


def _jsonable(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _jsonable(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_jsonable(item) for item in value]
    return value


def _freeze(value: Any) -> Any:
    if isinstance(value, Mapping):
        return MappingProxyType({str(key): _freeze(item) for key, item in value.items()})
    if isinstance(value, list | tuple):
        return tuple(_freeze(item) for item in value)
    return value


def _thaw(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _thaw(item) for key, item in value.items()}
    if isinstance(value, tuple | list):
        return [_thaw(item) for item in value]
    return value
