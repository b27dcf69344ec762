-- Events in the one shape in which every record is shown, like the records of an OpenTelemetry log.
--
-- Created when a statement first names it, because it needs functions of Python: what SQL cannot decide
-- exactly goes there, such as other alphabets, unusual numbers and records that are not stored as their
-- canonical text.
--
-- Columns:
--   schema_version: 1, the version of this shape
--   record_id: content hash of the record; NULL where Python cannot read the record (nested a thousand levels deep)
--   timestamp_ns: when it happened, nanoseconds since the Unix epoch
--   observed_timestamp_ns: when it was seen, which is the same
--   session_id: session that wrote the event
--   source_kind: cpu, cuda, rocm, mps, tensorflow, gpu or other
--   event_type: what happened, as written
--   stage: phase that the metadata names, NULL when there is none
--   severity: severity that the metadata states, in lower case, else what the event type implies, else NULL
--   severity_text: metadata.severity_text as text, NULL when absent
--   body: free text, NULL when there is none
--   resource: JSON object of where it comes from: kind, collector, host, process, device and place in the job
--   attributes: JSON object of all metadata, and of the measures in milliseconds and bytes
--   correlation: JSON object of session, job, ranks and, where known, phase
--   source_path: first file that contributes to the event's session
--   segment_path: file that holds the event
--   line_number: line in that file from 1 (row of a Parquet or CSV file, item of a JSON list)
--
-- Reads: stage.projected_fields
-- Calls: projection.attributes, projection.correlation, projection.resource
-- Needs: texts
-- Source: docs/concepts.md#projection.
CREATE OR REPLACE VIEW projected_records AS
SELECT
    1 AS schema_version,
    record_id,
    timestamp_ns,
    timestamp_ns AS observed_timestamp_ns,
    session_id,
    device_kind AS source_kind,
    event_type,
    stage,
    projected_severity AS severity,
    severity_text,
    context AS body,
    CAST(
        projection.resource(
            device_kind, collector, host, pid, device_id, job_id, rank, local_rank, world_size
        ) AS JSON
    ) AS resource,
    CAST(
        projection.attributes(
            metadata_json, sampling_interval_ms, allocator_allocated_bytes, allocator_reserved_bytes,
            allocator_active_bytes, allocator_inactive_bytes, allocator_change_bytes, device_used_bytes,
            device_free_bytes, device_total_bytes
        ) AS JSON
    ) AS attributes,
    CAST(
        projection.correlation(session_id, job_id, rank, local_rank, world_size, scope_json) AS JSON
    ) AS correlation,
    source_path,
    segment_path,
    line_number
FROM stage.projected_fields;
