# The public names of this package, and where they are: see stormlog/_lazy.py.

from stormlog.telemetry.conversion import (
    telemetry_event_from_record as telemetry_event_from_record,
)
from stormlog.telemetry.csv_rows import (
    CSV_DEFAULT_COLLECTOR as CSV_DEFAULT_COLLECTOR,
    csv_record_from_row as csv_record_from_row,
    load_csv_sessions as load_csv_sessions,
)
from stormlog.telemetry.derived import (
    derive_fields as derive_fields,
    derive_fields_v3 as derive_fields_v3,
    derive_fields_v4 as derive_fields_v4,
    is_degraded_collector as is_degraded_collector,
)
from stormlog.telemetry.errors import (
    TelemetryRecordError as TelemetryRecordError,
)
from stormlog.telemetry.events import (
    AnyTelemetryEvent as AnyTelemetryEvent,
    TelemetryEvent as TelemetryEvent,
    TelemetryEventV2 as TelemetryEventV2,
    TelemetryEventV3 as TelemetryEventV3,
    TelemetryEventV4 as TelemetryEventV4,
    telemetry_event_to_dict as telemetry_event_to_dict,
)
from stormlog.telemetry.identity import (
    resolve_distributed_identity as resolve_distributed_identity,
)
from stormlog.telemetry.loading import (
    LoadedTelemetrySession as LoadedTelemetrySession,
    load_telemetry_events as load_telemetry_events,
    load_telemetry_sessions as load_telemetry_sessions,
)
from stormlog.telemetry.projection import (
    ProjectedTelemetryRecord as ProjectedTelemetryRecord,
    TELEMETRY_PROJECTION_SCHEMA_VERSION as TELEMETRY_PROJECTION_SCHEMA_VERSION,
    project_telemetry_event as project_telemetry_event,
    project_telemetry_events as project_telemetry_events,
    project_telemetry_mapping as project_telemetry_mapping,
    projected_record_to_dict as projected_record_to_dict,
    unique_projected_correlations as unique_projected_correlations,
    unique_projected_resources as unique_projected_resources,
)
from stormlog.telemetry.schema import (
    KNOWN_V2_FIELD_SET as KNOWN_V2_FIELD_SET,
    KNOWN_V3_FIELD_SET as KNOWN_V3_FIELD_SET,
    KNOWN_V4_FIELD_SET as KNOWN_V4_FIELD_SET,
    OPTIONAL_V2_FIELDS as OPTIONAL_V2_FIELDS,
    OPTIONAL_V3_FIELDS as OPTIONAL_V3_FIELDS,
    OPTIONAL_V4_FIELDS as OPTIONAL_V4_FIELDS,
    REQUIRED_V2_FIELDS as REQUIRED_V2_FIELDS,
    REQUIRED_V3_FIELDS as REQUIRED_V3_FIELDS,
    REQUIRED_V4_FIELDS as REQUIRED_V4_FIELDS,
    SCHEMA_VERSION_LATEST as SCHEMA_VERSION_LATEST,
    SCHEMA_VERSION_V2 as SCHEMA_VERSION_V2,
    SCHEMA_VERSION_V3 as SCHEMA_VERSION_V3,
    SCHEMA_VERSION_V4 as SCHEMA_VERSION_V4,
    UNKNOWN_HOST as UNKNOWN_HOST,
    UNKNOWN_PID as UNKNOWN_PID,
)
from stormlog.telemetry.session import (
    SESSION_STATUSES as SESSION_STATUSES,
    SESSION_STATUS_COMPLETED as SESSION_STATUS_COMPLETED,
    SESSION_STATUS_INCOMPLETE as SESSION_STATUS_INCOMPLETE,
    SESSION_STATUS_INTERRUPTED as SESSION_STATUS_INTERRUPTED,
    SESSION_STATUS_RUNNING as SESSION_STATUS_RUNNING,
    SessionSummary as SessionSummary,
    create_session_summary as create_session_summary,
    finalize_session_summary as finalize_session_summary,
    infer_session_summary_from_events as infer_session_summary_from_events,
    new_session_id as new_session_id,
    normalize_session_status as normalize_session_status,
    now_ns as now_ns,
    select_default_loaded_session as select_default_loaded_session,
    select_default_session as select_default_session,
    session_summary_from_dict as session_summary_from_dict,
    session_summary_to_dict as session_summary_to_dict,
    sort_session_summaries as sort_session_summaries,
    stable_legacy_session_id as stable_legacy_session_id,
    update_session_summary as update_session_summary,
)
from stormlog.telemetry.sink import (
    MANIFEST_FILENAME as MANIFEST_FILENAME,
    SEGMENT_PREFIX as SEGMENT_PREFIX,
    SEGMENT_SUFFIX as SEGMENT_SUFFIX,
    SINK_FORMAT as SINK_FORMAT,
    SINK_SCHEMA_VERSION as SINK_SCHEMA_VERSION,
    TelemetrySinkManifest as TelemetrySinkManifest,
    TelemetrySinkSegment as TelemetrySinkSegment,
    read_telemetry_sink_manifest as read_telemetry_sink_manifest,
    resolve_telemetry_sink_manifest_path as resolve_telemetry_sink_manifest_path,
    resolve_telemetry_sink_segment_paths as resolve_telemetry_sink_segment_paths,
    sink_manifest_from_payload as sink_manifest_from_payload,
)
from stormlog.telemetry.validation import (
    record_fits_engine as record_fits_engine,
    validate_telemetry_record as validate_telemetry_record,
)
