"""The tables behind the views: what was read (``raw``) and what was worked out once (``stage``).

Views hold the rules; these tables only hold rows, and the modules that fill them are named here.
"""

from __future__ import annotations

__all__ = ["LINES_GIVEN_VIEW", "SCHEMAS", "TABLES"]

SCHEMAS = ("prim", "telemetry", "projection", "issues", "otlp", "raw", "stage", "tracking")

#: Peaks of three counters: how much, when, and of which rank.
_PEAKS = (
    "peak_allocated_bytes BIGINT, peak_allocated_ns BIGINT, peak_allocated_rank BIGINT, "
    "peak_reserved_bytes BIGINT, peak_reserved_ns BIGINT, peak_reserved_rank BIGINT, "
    "peak_used_bytes BIGINT, peak_used_ns BIGINT, peak_used_rank BIGINT"
)

#: Table -> column definitions, in the order in which they are created.
TABLES = {
    # Filled from the catalog, when a store opens.
    "raw.sources": (
        "source_id INTEGER, source_path VARCHAR, source_kind VARCHAR, manifest_path VARCHAR, name VARCHAR"
    ),
    "raw.files": "file_id INTEGER, source_id INTEGER, path VARCHAR",
    # Which rows belong to which file: an unfinished last line is a piece of its own.
    "raw.pieces": "piece_id INTEGER, file_id INTEGER, source_id INTEGER",
    "raw.ledger_sessions": (
        "source_id INTEGER, session_id VARCHAR, status VARCHAR, started_at_ns BIGINT, ended_at_ns BIGINT, "
        "host VARCHAR, pid BIGINT, job_id VARCHAR, rank BIGINT, local_rank BIGINT, world_size BIGINT, "
        "source VARCHAR, position BIGINT, source_count BIGINT, event_count BIGINT, is_listed BOOLEAN, "
        "is_first BOOLEAN, is_last BOOLEAN"
    ),
    "raw.oom_bundles": (
        "position BIGINT, bundle_path VARCHAR, created_at_utc VARCHAR, created_at_ns BIGINT, "
        "created_at_us BIGINT, backend VARCHAR, reason VARCHAR, event_count BIGINT, session_id VARCHAR, "
        "session_status VARCHAR, exception_type VARCHAR, exception_module VARCHAR, exception_message VARCHAR, "
        "context VARCHAR, job_id VARCHAR, rank BIGINT, host VARCHAR, world_size BIGINT, requested_bytes BIGINT, "
        "free_bytes BIGINT, entry VARCHAR, allocator_snapshot_path VARCHAR"
    ),
    "raw.run_envelopes": (
        "position INTEGER, run_id VARCHAR, title VARCHAR, description VARCHAR, job_id VARCHAR, started_at_ns BIGINT, "
        "ended_at_ns BIGINT, source_path VARCHAR, source_namespace VARCHAR, source_ref VARCHAR, tags VARCHAR[], "
        "metadata VARCHAR"
    ),
    "raw.envelope_sessions": "run_id VARCHAR, session_id VARCHAR",
    # Filled when a question is about attachments.
    "raw.attachments": (
        "position BIGINT, title VARCHAR, kind VARCHAR, attachment_id VARCHAR, url VARCHAR, path VARCHAR, "
        "run_id VARCHAR, session_id VARCHAR, job_id VARCHAR, rank BIGINT, start_ns BIGINT, end_ns BIGINT, "
        "created_at_utc VARCHAR, updated_at_utc VARCHAR, storage VARCHAR, source_namespace VARCHAR, "
        "source_ref VARCHAR, metadata VARCHAR, sidecar_path VARCHAR, created_at_ns BIGINT"
    ),
    "raw.envelope_attachments": (
        "run_id VARCHAR, title VARCHAR, kind VARCHAR, storage VARCHAR, attachment_id VARCHAR, url VARCHAR, "
        "path VARCHAR, session_id VARCHAR, job_id VARCHAR, rank BIGINT, local_rank BIGINT, world_size BIGINT, "
        "start_ns BIGINT, end_ns BIGINT, source_path VARCHAR, source_namespace VARCHAR, source_ref VARCHAR, "
        "metadata VARCHAR"
    ),
    "raw.sink_segments": (
        "source_id INTEGER, filename VARCHAR, path VARCHAR, session_id VARCHAR, event_count BIGINT, "
        "size_bytes BIGINT, is_closed BOOLEAN"
    ),
    "raw.rollup_paths": "source_id INTEGER, path VARCHAR",
    # Filled from rollups.json of sinks, when a question is about them: the fresh ones, but for `raw.rollup_files`.
    "raw.rollup_files": (
        "source_id INTEGER, path VARCHAR, state VARCHAR, reason VARCHAR, generated_at_ns BIGINT, "
        "window_duration_ns BIGINT, session_count BIGINT"
    ),
    "raw.rollup_sessions": (
        "source_id INTEGER, position BIGINT, session_id VARCHAR, status VARCHAR, started_at_ns BIGINT, "
        "ended_at_ns BIGINT, job_id VARCHAR, world_size BIGINT, event_count BIGINT, sample_count BIGINT, "
        f"first_ns BIGINT, last_ns BIGINT, {_PEAKS}, alert_count BIGINT, severity_counts VARCHAR, "
        "event_type_counts VARCHAR, transition_count BIGINT, degraded_time_ns BIGINT, last_status VARCHAR, "
        "oom_count BIGINT"
    ),
    "raw.rollup_ranks": (
        "source_id INTEGER, position BIGINT, rank BIGINT, local_rank BIGINT, world_size BIGINT, "
        f"event_count BIGINT, sample_count BIGINT, first_ns BIGINT, last_ns BIGINT, {_PEAKS}, "
        "first_gap_bytes BIGINT, latest_gap_bytes BIGINT, peak_gap_bytes BIGINT, delta_gap_bytes BIGINT, "
        "gap_drift_bytes_per_second DOUBLE"
    ),
    "raw.rollup_windows": (
        "source_id INTEGER, position BIGINT, window_index BIGINT, start_ns BIGINT, end_ns BIGINT, "
        "event_count BIGINT, sample_count BIGINT, rank_count BIGINT, alert_count BIGINT, "
        f"transition_count BIGINT, oom_count BIGINT, {_PEAKS}"
    ),
    # What footers of Parquet files say of their row groups: bounds of sessions and times.
    "raw.row_groups": (
        "file_id INTEGER, source_id INTEGER, first_session VARCHAR, last_session VARCHAR, first_ns BIGINT, "
        "last_ns BIGINT"
    ),
    "raw.warnings": "path VARCHAR, code VARCHAR, message VARCHAR",
    # Filled by reading. `raw.chunks` says where the lines of a piece begin in `raw.records`.
    "raw.joined_files": "joined_id INTEGER, first_line BIGINT, line_count BIGINT, piece_id INTEGER",
    "raw.lines_of_chunks": "piece_id INTEGER, first_line BIGINT, tail_id INTEGER",
    "raw.chunks": "piece_id INTEGER, first_row BIGINT, last_row BIGINT, first_line BIGINT, tail_id INTEGER",
    "raw.lines_given": "piece_id INTEGER, line_number BIGINT, line VARCHAR, record_id VARCHAR",
    "raw.shapes": (
        "shape_id INTEGER, before_time VARCHAR, tail VARCHAR, body_length BIGINT, prefix VARCHAR, suffix VARCHAR, "
        "is_needed BOOLEAN, is_null_allowed BOOLEAN, may_have_allocated BOOLEAN, "
        "may_have_reserved BOOLEAN, may_have_active BOOLEAN, may_have_inactive BOOLEAN, "
        "may_have_used BOOLEAN, may_have_free BOOLEAN, may_have_total BOOLEAN, schema_version INTEGER, "
        "session_id VARCHAR, event_type VARCHAR, rank BIGINT, backend VARCHAR, collector_health_status VARCHAR, "
        "is_fragmentation_known BOOLEAN"
    ),
    "raw.records": (
        "piece_id INTEGER, line_number BIGINT, shape_id INTEGER, schema_version INTEGER, session_id VARCHAR, "
        "timestamp_ns BIGINT, event_type VARCHAR, collector VARCHAR, rank BIGINT, allocator_allocated_bytes BIGINT, "
        "allocator_reserved_bytes BIGINT, allocator_inactive_bytes BIGINT, device_used_bytes BIGINT, "
        "device_total_bytes BIGINT, device_free_bytes BIGINT, device_id BIGINT, backend VARCHAR, severity VARCHAR, "
        "collector_health_status VARCHAR, is_fragmentation_known BOOLEAN, is_valid BOOLEAN, record VARCHAR, "
        "record_id VARCHAR, is_deferred BOOLEAN, "
        # What a scan read of a line, without its end: the lengths of all lines add up to the size of the file.
        "line_bytes INTEGER"
    ),
    # Records that name no session: views show them in that of the manifest, or in one made from a path.
    "raw.sessionless_records": (
        "piece_id INTEGER, line_number BIGINT, session_id VARCHAR, timestamp_ns BIGINT, host VARCHAR, pid BIGINT, "
        "rank BIGINT, job_id VARCHAR"
    ),
    "raw.rejects": "piece_id INTEGER, line_number BIGINT, reason VARCHAR, message VARCHAR, excerpt VARCHAR",
    # What holds the same telemetry as something else and does not count; see stormlog.engine.analysis.copies.
    "raw.copied_rows": "piece_id INTEGER, session_id VARCHAR",
    "raw.copied_files": (
        "source_id INTEGER, file_id INTEGER, session_id VARCHAR, kept_source_id INTEGER, kept_session_id VARCHAR"
    ),
    "raw.copied_sessions": "source_id INTEGER, session_id VARCHAR",
    "raw.copied_rejects": "piece_id INTEGER, line_number BIGINT, reason VARCHAR",
    # Filled by staging, from SQL aggregates and what Python makes of them.
    "stage.gap_cutoffs": "source_id INTEGER, session_id VARCHAR, cutoff_bytes BIGINT",
    "stage.gap_findings": (
        "finding_number BIGINT, source_id INTEGER, session_id VARCHAR, classification VARCHAR, severity VARCHAR, "
        "confidence DOUBLE, confidence_text VARCHAR, evidence VARCHAR, description VARCHAR, timestamp_ns BIGINT, "
        "file_id INTEGER, line_number BIGINT"
    ),
    "stage.gap_details": (
        "finding_number BIGINT, rank BIGINT, collector VARCHAR, backend VARCHAR, phase VARCHAR, "
        "phase_attribution VARCHAR, event_type VARCHAR"
    ),
    "stage.gap_scope": "source_id INTEGER, session_id VARCHAR",
    "stage.replay_scope": "source_id INTEGER, session_id VARCHAR, rank BIGINT",
    "stage.replayed_spans": (
        "source_id INTEGER, session_id VARCHAR, rank BIGINT, thread_id BIGINT, thread_name VARCHAR, "
        "scope_id VARCHAR, path VARCHAR[], start_ns BIGINT, end_ns BIGINT, sequence BIGINT, is_synthetic_end BOOLEAN"
    ),
    # Filled when a statement names schema `tracking`: one row per fingerprint.
    "raw.issue_states": (
        "fingerprint_id VARCHAR, issue_id VARCHAR, app VARCHAR, is_dev BOOLEAN, status VARCHAR, state VARCHAR, "
        "fix_version VARCHAR, assignee VARCHAR, ignore_until VARCHAR, occurrence_count BIGINT, run_count BIGINT, "
        "unique_user_count BIGINT, recurred_count BIGINT, first_seen_version VARCHAR, last_seen_version VARCHAR"
    ),
    # Distinct texts and dimensions of issues in normal form, as Python spells them.
    "stage.normal_texts": "json_value VARCHAR, normal_text VARCHAR",
    "stage.normal_dimensions": "dimension_key VARCHAR, dimensions VARCHAR",
    "stage.fingerprints": "kind VARCHAR, dimension_key VARCHAR, fingerprint_id VARCHAR, dimensions VARCHAR",
}

#: What `raw.typed_lines` reads; replaced for every batch of files.
LINES_GIVEN_VIEW = """
CREATE OR REPLACE VIEW raw.lines AS
SELECT piece_id, line_number, line, line AS json_line, record_id, true AS is_canonical
FROM raw.lines_given;
"""
