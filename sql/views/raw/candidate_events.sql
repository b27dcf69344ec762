-- Events of the last batch that may be evidence of an issue, with what their metadata says about it.
--
-- Materialised: yes
-- Reads: raw.fresh_records
-- Calls: issues.may_be_evidence
-- Source: docs/concepts.md#issues.
CREATE OR REPLACE VIEW raw.candidate_events_view AS
WITH candidates AS MATERIALIZED (
    SELECT *
    FROM raw.fresh_records
    WHERE issues.may_be_evidence(event_type, severity, collector_health_status)
),

candidate_fields AS (
    SELECT
        *,
        CAST(
            json_extract(record, [
                '$.context',
                '$.device_id',
                '$.metadata.backend',
                '$.metadata.severity',
                '$.metadata.collector_health_status',
                '$.metadata.collector_last_error',
                '$.metadata.collector_partial_fields',
                '$.metadata.collector_consecutive_failures',
                '$.metadata.collector_next_retry_epoch_s',
                '$.metadata.oom_reason',
                '$.metadata.oom_dump_path'
            ]) AS VARCHAR[]
        ) AS fields
    FROM candidates
)

SELECT
    piece_id,
    line_number,
    session_id,
    timestamp_ns,
    rank,
    event_type,
    collector,
    fields[1] AS context_json,
    TRY_CAST(fields[2] AS BIGINT) AS device_id,
    fields[3] AS backend_json,
    fields[4] AS severity_json,
    fields[5] AS health_json,
    fields[6] AS error_json,
    fields[7] AS partial_fields_json,
    fields[8] AS failures_json,
    fields[9] AS retry_json,
    fields[10] AS oom_reason_json,
    fields[11] AS oom_dump_path_json
FROM candidate_fields;
