"""Telemetry events: what a record is, how older forms are read, and how events are shown.

Everything here works with the standard library alone.

Source: docs/concepts.md#events.
"""

from __future__ import annotations

from stormlog._lazy import lazy_names

# Type checkers take this name for true; importing it from typing would cost more than all the rest.
TYPE_CHECKING = False

if TYPE_CHECKING:
    from stormlog.telemetry.conversion import (
        telemetry_event_from_record,
    )
    from stormlog.telemetry.csv_rows import (
        CSV_DEFAULT_COLLECTOR,
        csv_record_from_row,
        load_csv_sessions,
    )
    from stormlog.telemetry.derived import (
        derive_fields,
        derive_fields_v3,
        derive_fields_v4,
        is_degraded_collector,
    )
    from stormlog.telemetry.errors import (
        TelemetryRecordError,
    )
    from stormlog.telemetry.events import (
        AnyTelemetryEvent,
        TelemetryEvent,
        TelemetryEventV2,
        TelemetryEventV3,
        TelemetryEventV4,
        telemetry_event_to_dict,
    )
    from stormlog.telemetry.identity import (
        resolve_distributed_identity,
    )
    from stormlog.telemetry.loading import (
        LoadedTelemetrySession,
        load_telemetry_events,
        load_telemetry_sessions,
    )
    from stormlog.telemetry.projection import (
        TELEMETRY_PROJECTION_SCHEMA_VERSION,
        ProjectedTelemetryRecord,
        project_telemetry_event,
        project_telemetry_events,
        project_telemetry_mapping,
        projected_record_to_dict,
        unique_projected_correlations,
        unique_projected_resources,
    )
    from stormlog.telemetry.schema import (
        KNOWN_V2_FIELD_SET,
        KNOWN_V3_FIELD_SET,
        KNOWN_V4_FIELD_SET,
        OPTIONAL_V2_FIELDS,
        OPTIONAL_V3_FIELDS,
        OPTIONAL_V4_FIELDS,
        REQUIRED_V2_FIELDS,
        REQUIRED_V3_FIELDS,
        REQUIRED_V4_FIELDS,
        SCHEMA_VERSION_LATEST,
        SCHEMA_VERSION_V2,
        SCHEMA_VERSION_V3,
        SCHEMA_VERSION_V4,
        UNKNOWN_HOST,
        UNKNOWN_PID,
    )
    from stormlog.telemetry.session import (
        SESSION_STATUS_COMPLETED,
        SESSION_STATUS_INCOMPLETE,
        SESSION_STATUS_INTERRUPTED,
        SESSION_STATUS_RUNNING,
        SESSION_STATUSES,
        SessionSummary,
        create_session_summary,
        finalize_session_summary,
        infer_session_summary_from_events,
        new_session_id,
        normalize_session_status,
        now_ns,
        select_default_loaded_session,
        select_default_session,
        session_summary_from_dict,
        session_summary_to_dict,
        sort_session_summaries,
        stable_legacy_session_id,
        update_session_summary,
    )
    from stormlog.telemetry.sink import (
        MANIFEST_FILENAME,
        SEGMENT_PREFIX,
        SEGMENT_SUFFIX,
        SINK_FORMAT,
        SINK_SCHEMA_VERSION,
        TelemetrySinkManifest,
        TelemetrySinkSegment,
        read_telemetry_sink_manifest,
        resolve_telemetry_sink_manifest_path,
        resolve_telemetry_sink_segment_paths,
        sink_manifest_from_payload,
    )
    from stormlog.telemetry.validation import (
        record_fits_engine,
        validate_telemetry_record,
    )

__all__ = [
    "AnyTelemetryEvent",
    "CSV_DEFAULT_COLLECTOR",
    "KNOWN_V2_FIELD_SET",
    "KNOWN_V3_FIELD_SET",
    "KNOWN_V4_FIELD_SET",
    "LoadedTelemetrySession",
    "MANIFEST_FILENAME",
    "OPTIONAL_V2_FIELDS",
    "OPTIONAL_V3_FIELDS",
    "OPTIONAL_V4_FIELDS",
    "ProjectedTelemetryRecord",
    "REQUIRED_V2_FIELDS",
    "REQUIRED_V3_FIELDS",
    "REQUIRED_V4_FIELDS",
    "SCHEMA_VERSION_LATEST",
    "SCHEMA_VERSION_V2",
    "SCHEMA_VERSION_V3",
    "SCHEMA_VERSION_V4",
    "SEGMENT_PREFIX",
    "SEGMENT_SUFFIX",
    "SESSION_STATUSES",
    "SESSION_STATUS_COMPLETED",
    "SESSION_STATUS_INCOMPLETE",
    "SESSION_STATUS_INTERRUPTED",
    "SESSION_STATUS_RUNNING",
    "SINK_FORMAT",
    "SINK_SCHEMA_VERSION",
    "SessionSummary",
    "TELEMETRY_PROJECTION_SCHEMA_VERSION",
    "TelemetryEvent",
    "TelemetryEventV2",
    "TelemetryEventV3",
    "TelemetryEventV4",
    "TelemetryRecordError",
    "TelemetrySinkManifest",
    "TelemetrySinkSegment",
    "UNKNOWN_HOST",
    "UNKNOWN_PID",
    "create_session_summary",
    "csv_record_from_row",
    "derive_fields",
    "derive_fields_v3",
    "derive_fields_v4",
    "finalize_session_summary",
    "infer_session_summary_from_events",
    "is_degraded_collector",
    "load_csv_sessions",
    "load_telemetry_events",
    "load_telemetry_sessions",
    "new_session_id",
    "normalize_session_status",
    "now_ns",
    "project_telemetry_event",
    "project_telemetry_events",
    "project_telemetry_mapping",
    "projected_record_to_dict",
    "read_telemetry_sink_manifest",
    "record_fits_engine",
    "resolve_distributed_identity",
    "resolve_telemetry_sink_manifest_path",
    "resolve_telemetry_sink_segment_paths",
    "select_default_loaded_session",
    "select_default_session",
    "session_summary_from_dict",
    "session_summary_to_dict",
    "sink_manifest_from_payload",
    "sort_session_summaries",
    "stable_legacy_session_id",
    "telemetry_event_from_record",
    "telemetry_event_to_dict",
    "unique_projected_correlations",
    "unique_projected_resources",
    "update_session_summary",
    "validate_telemetry_record",
]

_MODULES = {
    "conversion": ("telemetry_event_from_record",),
    "csv_rows": (
        "CSV_DEFAULT_COLLECTOR",
        "csv_record_from_row",
        "load_csv_sessions",
    ),
    "derived": (
        "derive_fields",
        "derive_fields_v3",
        "derive_fields_v4",
        "is_degraded_collector",
    ),
    "errors": ("TelemetryRecordError",),
    "events": (
        "AnyTelemetryEvent",
        "TelemetryEvent",
        "TelemetryEventV2",
        "TelemetryEventV3",
        "TelemetryEventV4",
        "telemetry_event_to_dict",
    ),
    "identity": ("resolve_distributed_identity",),
    "loading": (
        "LoadedTelemetrySession",
        "load_telemetry_events",
        "load_telemetry_sessions",
    ),
    "projection": (
        "ProjectedTelemetryRecord",
        "TELEMETRY_PROJECTION_SCHEMA_VERSION",
        "project_telemetry_event",
        "project_telemetry_events",
        "project_telemetry_mapping",
        "projected_record_to_dict",
        "unique_projected_correlations",
        "unique_projected_resources",
    ),
    "schema": (
        "KNOWN_V2_FIELD_SET",
        "KNOWN_V3_FIELD_SET",
        "KNOWN_V4_FIELD_SET",
        "OPTIONAL_V2_FIELDS",
        "OPTIONAL_V3_FIELDS",
        "OPTIONAL_V4_FIELDS",
        "REQUIRED_V2_FIELDS",
        "REQUIRED_V3_FIELDS",
        "REQUIRED_V4_FIELDS",
        "SCHEMA_VERSION_LATEST",
        "SCHEMA_VERSION_V2",
        "SCHEMA_VERSION_V3",
        "SCHEMA_VERSION_V4",
        "UNKNOWN_HOST",
        "UNKNOWN_PID",
    ),
    "session": (
        "SESSION_STATUSES",
        "SESSION_STATUS_COMPLETED",
        "SESSION_STATUS_INCOMPLETE",
        "SESSION_STATUS_INTERRUPTED",
        "SESSION_STATUS_RUNNING",
        "SessionSummary",
        "create_session_summary",
        "finalize_session_summary",
        "infer_session_summary_from_events",
        "new_session_id",
        "normalize_session_status",
        "now_ns",
        "select_default_loaded_session",
        "select_default_session",
        "session_summary_from_dict",
        "session_summary_to_dict",
        "sort_session_summaries",
        "stable_legacy_session_id",
        "update_session_summary",
    ),
    "sink": (
        "MANIFEST_FILENAME",
        "SEGMENT_PREFIX",
        "SEGMENT_SUFFIX",
        "SINK_FORMAT",
        "SINK_SCHEMA_VERSION",
        "TelemetrySinkManifest",
        "TelemetrySinkSegment",
        "read_telemetry_sink_manifest",
        "resolve_telemetry_sink_manifest_path",
        "resolve_telemetry_sink_segment_paths",
        "sink_manifest_from_payload",
    ),
    "validation": (
        "record_fits_engine",
        "validate_telemetry_record",
    ),
}

if not TYPE_CHECKING:
    __getattr__, __dir__ = lazy_names(__name__, globals(), _MODULES)
