"""One entry for every kind of record: versions 2 and 3 and older forms become version 3 events.

Version 4 records stay version 4, with unknown counters left unknown.

Source: docs/concepts.md#events.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from stormlog.telemetry.capabilities import check_memory_capabilities, infer_memory_capabilities
from stormlog.telemetry.errors import TelemetryRecordError
from stormlog.telemetry.events import AnyTelemetryEvent, build_checked_event
from stormlog.telemetry.identity import complete_identity
from stormlog.telemetry.legacy import legacy_event_from_record
from stormlog.telemetry.schema import SCHEMA_VERSION_V3, SCHEMA_VERSION_V4
from stormlog.telemetry.session import pick_session_id
from stormlog.telemetry.validation import (
    as_plain_dict,
    check_fields,
    check_schema_version,
    metadata_not_object,
)

__all__ = ["telemetry_event_from_record"]


def telemetry_event_from_record(
    record: Mapping[str, Any],
    permissive_legacy: bool = True,
    default_collector: str = "legacy.unknown",
    default_sampling_interval_ms: int = 0,
    default_session_id: str | None = None,
) -> AnyTelemetryEvent:
    """Return the event that a record stands for.

    Args:
        record: Any record. With a key ``schema_version`` it must follow that version; a bad version
            is never taken for an older form.
        permissive_legacy: Whether records without that key are accepted.
        default_collector: Collector of such a record if nothing hints at one.
        default_sampling_interval_ms: Their sampling interval, milliseconds.
        default_session_id: Session of records without one; None derives it from time, host and pid.

    Returns:
        A version 3 event, or a version 4 event for a version 4 record.

    Raises:
        TelemetryRecordError: a ``ValueError`` whose ``code`` names the first broken rule.

    Source: docs/concepts.md#events.
    """
    record = as_plain_dict(record)
    if "schema_version" in record:
        return _event_from_versioned(record, default_session_id)
    if not permissive_legacy:
        raise TelemetryRecordError(
            "legacy_conversion_disabled", "the record has no schema_version and older forms are not allowed"
        )
    return legacy_event_from_record(
        record,
        default_collector=default_collector,
        default_sampling_interval_ms=default_sampling_interval_ms,
        default_session_id=default_session_id,
    )


def _event_from_versioned(record: dict[str, Any], default_session_id: str | None) -> AnyTelemetryEvent:
    version = check_schema_version(record)
    own = record.get("metadata")
    if not isinstance(own, dict) and "metadata" in record:
        raise metadata_not_object(own)
    metadata = {} if own is None else dict(own)
    identity = complete_identity(
        record.get("job_id"), record.get("rank"), record.get("local_rank"), record.get("world_size")
    )
    session_id = pick_session_id(record, metadata, default_session_id)
    check_fields(record, version, session_id)
    if version == SCHEMA_VERSION_V4:
        if "memory_capabilities" not in metadata:
            metadata["memory_capabilities"] = infer_memory_capabilities(record, metadata)
        check_memory_capabilities(record, metadata)
    else:
        version = SCHEMA_VERSION_V3
    return build_checked_event(version, record, session_id, identity, metadata)
