-- What every event says of memory, without its texts: much quicker than `events`.
--
-- Columns:
--   session_id: session that wrote the event
--   rank: global rank of the process, from 0
--   timestamp_ns: when it happened, nanoseconds since the Unix epoch
--   event_type: what happened: sample, warning, error, phase_enter, ...
--   device_id: device index, -1 for no device
--   allocator_allocated_bytes: bytes handed out by the allocator, NULL when unknown
--   allocator_reserved_bytes: bytes the allocator holds, NULL when unknown
--   device_used_bytes: bytes in use on the device, NULL when unknown
--   device_total_bytes: size of the device in bytes, NULL when unknown
--   sample_gap_bytes: bytes in use beyond those that the allocator holds, for samples only, NULL when unknown
--   is_alert: whether the event is an alert
--   is_transition: whether it says that the collector degraded or recovered
--   session_status: completed, interrupted, incomplete or running
--   source_id: number of the source in the order of the catalog, from 0
--   file_id: number of the file in reading order, from 0
--   line_number: line in that file from 1 (row of a Parquet or CSV file, item of a JSON list)
--
-- Reads: raw.events, stage.loaded_sessions
-- Calls: issues.is_alert
-- Needs: files
-- Source: docs/concepts.md#summaries.
CREATE OR REPLACE VIEW memory_readings AS
SELECT
    r.session_id,
    r.rank,
    r.timestamp_ns,
    r.event_type,
    r.device_id,
    r.allocator_allocated_bytes,
    r.allocator_reserved_bytes,
    r.device_used_bytes,
    r.device_total_bytes,
    CASE WHEN r.event_type = 'sample' THEN r.device_used_bytes - r.allocator_reserved_bytes END AS sample_gap_bytes,
    issues.is_alert(r.event_type, r.severity) AS is_alert,
    r.event_type IN ('collector_degraded', 'collector_recovered') AS is_transition,
    s.status AS session_status,
    r.source_id,
    r.file_id,
    r.line_number
FROM raw.events AS r
INNER JOIN stage.loaded_sessions AS s ON r.source_id = s.source_id AND r.session_id = s.session_id;
