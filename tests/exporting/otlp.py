"""The same lines of OTLP/JSON a second time: from projected records, in plain Python, without a look at the SQL."""

from __future__ import annotations

from typing import Any

from stormlog.telemetry import ProjectedTelemetryRecord, projected_record_to_dict

SEVERITY_NUMBERS = {"debug": 5, "info": 9, "warn": 13, "warning": 13, "error": 17, "critical": 21}
HARDWARE = {"cpu": "cpu", "cuda": "gpu", "rocm": "gpu", "mps": "gpu", "gpu": "gpu"}
RESOURCE = {"host": "host.name", "pid": "process.pid"} | {
    name: f"stormlog.{name}" for name in ("job_id", "rank", "local_rank", "world_size")
}
#: What a field says where its value is not known.
UNKNOWN = {"host": "unknown", "pid": -1}


def any_value(value: Any) -> dict[str, Any]:
    """Return a value as OTLP/JSON writes it."""
    if value is None:
        return {}
    if isinstance(value, bool):
        return {"boolValue": value}
    if isinstance(value, int):
        return {"intValue": str(value)} if -(2**63) <= value < 2**63 else {"stringValue": str(value)}
    if isinstance(value, float):
        return {"doubleValue": value}
    if isinstance(value, str):
        return {"stringValue": value}
    if isinstance(value, list):
        return {"arrayValue": {"values": [any_value(item) for item in value]}}
    members = [{"key": key, "value": any_value(item)} for key, item in value.items()]
    return {"kvlistValue": {"values": members}}


def without_nulls(value: Any) -> Any:
    """Return an object without the members that are null, on every level; lists stay as they are."""
    if not isinstance(value, dict):
        return value
    return {key: without_nulls(item) for key, item in value.items() if item is not None}


def log_record(record: ProjectedTelemetryRecord, path: str, line_number: int) -> dict[str, Any]:
    """Return what a line says of a record, attributes by name."""
    fields = projected_record_to_dict(record)
    resource = {"session.id": fields["session_id"]} | {
        name: fields["resource"][field]
        for field, name in RESOURCE.items()
        if fields["resource"][field] != UNKNOWN.get(field)
    }
    device = fields["resource"]["device_id"]
    own = {
        "log.file.path": path,
        "stormlog.line_number": line_number,
        "log.record.uid": fields["record_id"],
        "stormlog.source_kind": fields["source_kind"],
        "hw.type": HARDWARE.get(fields["source_kind"]),
        "hw.id": None if device == -1 else str(device),
        "phase.name": fields["stage"],
        **{key: value for key, value in fields["correlation"].items() if key.startswith("phase.")},
    }
    severity = fields["severity"]
    said = {
        "timeUnixNano": str(fields["timestamp_ns"]),
        "observedTimeUnixNano": str(fields["timestamp_ns"]),
        "severityNumber": SEVERITY_NUMBERS.get(severity),
        "severityText": severity if fields["severity_text"] is None else fields["severity_text"],
        "eventName": fields["event_type"],
        "body": None if fields["body"] is None else {"stringValue": fields["body"]},
    }
    return {
        "resource": valued(resource),
        "scope": fields["resource"]["collector"],
        "attributes": valued(fields["attributes"] | own),
        **{key: value for key, value in said.items() if value is not None},
    }


def valued(attributes: dict[str, Any]) -> dict[str, Any]:
    return {key: any_value(value) for key, value in without_nulls(attributes).items()}


def flat(request: dict[str, Any]) -> dict[str, Any]:
    """Return what a line says in the form of `log_record`; every name may stand there once."""
    (resource_logs,) = request["resourceLogs"]
    (scope_logs,) = resource_logs["scopeLogs"]
    (record,) = scope_logs["logRecords"]
    return {
        **record,
        "resource": by_key(resource_logs["resource"]["attributes"]),
        "scope": scope_logs["scope"]["name"],
        "attributes": by_key(record["attributes"]),
    }


def by_key(attributes: list[dict[str, Any]]) -> dict[str, Any]:
    found = {attribute["key"]: attribute["value"] for attribute in attributes}
    assert len(found) == len(attributes), attributes
    return found
