-- Telemetry events, one row each, versions 2, 3, 4 and older ones in one shape.
--
-- Columns:
--   schema_version: 3, or 4 for records written with nullable counters
--   session_id: session that wrote the event
--   timestamp_ns: when it happened, nanoseconds since the Unix epoch
--   event_type: what happened: sample, warning, error, phase_enter, ...
--   collector: name of the collector that measured
--   sampling_interval_ms: interval between samples, milliseconds
--   pid: process id, -1 when unknown
--   host: machine name, 'unknown' when unknown
--   job_id: distributed job, NULL when there is none
--   rank: global rank of the process, from 0
--   local_rank: rank on its machine, from 0
--   world_size: number of ranks
--   device_id: device index, -1 for no device
--   allocator_allocated_bytes: bytes handed out by the allocator (NULL only in version 4)
--   allocator_reserved_bytes: bytes the allocator holds (NULL only in version 4)
--   allocator_active_bytes: bytes in active blocks, NULL when unknown
--   allocator_inactive_bytes: bytes in inactive blocks, NULL when unknown
--   allocator_change_bytes: bytes gained (or lost) since the event before (NULL only in version 4)
--   device_used_bytes: bytes in use on the device (NULL only in version 4)
--   device_free_bytes: bytes free on the device, NULL when unknown
--   device_total_bytes: size of the device in bytes, NULL when unknown
--   context: free text, NULL when there is none
--   metadata: JSON object with everything else
--   source_path: first file that contributes to the event's session
--   source_kind: sink, telemetry_jsonl, telemetry_json or telemetry_csv
--   session_status: completed, interrupted, incomplete or running
--   segment_path: file that holds the event
--   line_number: line in that file from 1 (row of a Parquet or CSV file, item of a JSON list)
--   backend: metadata.backend as written, NULL when absent or not text
--   severity: metadata.severity as written, NULL when absent or not text
--   collector_health_status: metadata.collector_health_status as written, NULL when absent or not text
--   is_fragmentation_known: whether a version 4 record says that fragmentation can be computed, else true
--   source_id: number of the source in the order of the catalog, from 0
--   file_id: number of the file in reading order, from 0
--   record: the record as JSON text
--   record_id: id of the record where it cannot be derived from `record`, else NULL
--
-- Example: SELECT session_id, rank, max(device_used_bytes) AS peak_bytes FROM events WHERE event_type = 'sample'
--   GROUP BY ALL
--
-- Reads: raw.events, stage.loaded_sessions
-- Calls: prim.json_text
-- Needs: texts
-- Source: docs/concepts.md#events.
CREATE OR REPLACE VIEW events AS
SELECT
    r.schema_version,
    r.session_id,
    r.timestamp_ns,
    r.event_type,
    r.collector,
    TRY_CAST(r.fields[11] AS BIGINT) AS sampling_interval_ms,
    TRY_CAST(r.fields[10] AS BIGINT) AS pid,
    prim.json_text(r.fields[6]) AS host,
    prim.json_text(r.fields[7]) AS job_id,
    r.rank,
    coalesce(TRY_CAST(r.fields[8] AS BIGINT), r.rank) AS local_rank,
    coalesce(TRY_CAST(r.fields[12] AS BIGINT), 1) AS world_size,
    TRY_CAST(r.fields[5] AS BIGINT) AS device_id,
    r.allocator_allocated_bytes,
    r.allocator_reserved_bytes,
    TRY_CAST(r.fields[1] AS BIGINT) AS allocator_active_bytes,
    r.allocator_inactive_bytes,
    TRY_CAST(r.fields[2] AS BIGINT) AS allocator_change_bytes,
    r.device_used_bytes,
    TRY_CAST(r.fields[4] AS BIGINT) AS device_free_bytes,
    r.device_total_bytes,
    prim.json_text(r.fields[3]) AS context,
    CAST(r.fields[9] AS JSON) AS metadata,
    s.source_path,
    s.source_kind,
    s.status AS session_status,
    r.segment_path,
    r.line_number,
    r.backend,
    r.severity,
    r.collector_health_status,
    r.is_fragmentation_known,
    r.source_id,
    r.file_id,
    r.record,
    r.record_id
FROM (
    SELECT
        *,
        CAST(
            json_extract(record, [
                '$.allocator_active_bytes',
                '$.allocator_change_bytes',
                '$.context',
                '$.device_free_bytes',
                '$.device_id',
                '$.host',
                '$.job_id',
                '$.local_rank',
                '$.metadata',
                '$.pid',
                '$.sampling_interval_ms',
                '$.world_size'
            ]) AS VARCHAR[]
        ) AS fields
    FROM raw.events
) AS r
INNER JOIN stage.loaded_sessions AS s ON r.source_id = s.source_id AND r.session_id = s.session_id;
