-- Rows of Parquet segments as typed columns, and whether a row is plainly a valid version 3 or 4 record.
--
-- The rules are those of raw.typed_lines, less what the types of the columns guarantee already. A row
-- with `is_valid` false may still be valid: it is written as a line, which Python reads. A row that has its record as
-- text is deferred: `raw.typed_lines` reads that text, and the columns do not count.
--
-- Reads: raw.parquet_rows
-- Calls: prim.are_distinct, prim.json_text, telemetry.are_capabilities_complete,
--   telemetry.are_counters_supported, telemetry.are_plain_counters, telemetry.are_plain_numbers,
--   telemetry.are_plain_ranks, telemetry.capability, telemetry.capability_values,
--   telemetry.has_core_counters, telemetry.is_plain_metadata_text, telemetry.is_plain_value,
--   telemetry.is_text_needed, telemetry.record_text
-- Source: docs/compaction.md#files.
CREATE OR REPLACE VIEW raw.typed_parquet AS
WITH metadata_lists AS (
    -- Each distinct metadata is parsed once: most rows share theirs with others.
    SELECT
        json_metadata,
        CAST(
            json_extract(json_metadata, [
                '$.backend',
                '$.severity',
                '$.collector_health_status',
                '$.origin_thread_id',
                '$.origin_phase_scope_id',
                '$.memory_capabilities',
                '$.phase_scope'
            ]) AS VARCHAR[]
        ) AS fields,
        telemetry.is_plain_metadata_text(json_metadata) AS is_plain_metadata
    FROM (SELECT DISTINCT json_metadata FROM raw.parquet_rows)
),

-- Gives each element of the list its name.
metadata_fields AS (
    SELECT
        json_metadata,
        is_plain_metadata,
        fields[1] AS backend_json,
        fields[2] AS severity_json,
        fields[3] AS health_json,
        fields[4] AS thread_id_json,
        fields[5] AS scope_id_json,
        fields[6] AS capabilities_json,
        fields[7] AS phase_scope_json,
        telemetry.capability_values(fields[6]) AS capabilities
    FROM metadata_lists
),

metadata_values AS (
    SELECT
        json_metadata,
        backend_json,
        thread_id_json,
        scope_id_json,
        is_plain_metadata,
        prim.json_text(backend_json) AS backend,
        prim.json_text(severity_json) AS severity,
        prim.json_text(health_json) AS collector_health_status,
        prim.are_distinct(json_keys(phase_scope_json)) AS has_distinct_scope_keys,
        coalesce(
            telemetry.are_capabilities_complete(capabilities, len(json_keys(capabilities_json))), false
        ) AS has_capabilities,
        telemetry.capability(capabilities, 'supports_allocator_allocated') AS may_have_allocated,
        telemetry.capability(capabilities, 'supports_allocator_reserved') AS may_have_reserved,
        telemetry.capability(capabilities, 'supports_allocator_active') AS may_have_active,
        telemetry.capability(capabilities, 'supports_allocator_inactive') AS may_have_inactive,
        telemetry.capability(capabilities, 'supports_device_used') AS may_have_used,
        telemetry.capability(capabilities, 'supports_device_free') AS may_have_free,
        telemetry.capability(capabilities, 'supports_device_total') AS may_have_total,
        telemetry.capability(capabilities, 'supports_allocator_inactive')
            AND telemetry.capability(capabilities, 'supports_fragmentation_analysis') AS may_know_fragmentation
    FROM metadata_fields
),

rows_with_values AS (
    SELECT
        r.*,
        m.backend_json,
        m.thread_id_json,
        m.scope_id_json,
        m.is_plain_metadata,
        m.backend,
        m.severity,
        m.collector_health_status,
        m.has_distinct_scope_keys,
        m.has_capabilities,
        m.may_have_allocated,
        m.may_have_reserved,
        m.may_have_active,
        m.may_have_inactive,
        m.may_have_used,
        m.may_have_free,
        m.may_have_total,
        m.may_know_fragmentation
    FROM raw.parquet_rows AS r
    LEFT JOIN metadata_values AS m ON r.json_metadata = m.json_metadata
),

row_verdicts AS (
    SELECT
        *,
        CASE WHEN schema_version = 4 THEN may_know_fragmentation ELSE true END AS is_fragmentation_known,
        record IS NOT NULL AS is_deferred,
        record IS NULL AND coalesce(
            schema_version IN (3, 4)
            AND telemetry.is_plain_value(session_id)
            AND telemetry.is_plain_value(event_type)
            AND telemetry.is_plain_value(collector)
            AND telemetry.is_plain_value(host)
            AND (job_id IS NULL OR telemetry.is_plain_value(job_id))
            AND telemetry.are_plain_numbers(timestamp_ns, sampling_interval_ms, pid, device_id)
            AND telemetry.are_plain_ranks(rank, local_rank, world_size)
            AND telemetry.are_plain_counters(
                allocator_allocated_bytes, allocator_reserved_bytes, allocator_active_bytes,
                allocator_inactive_bytes, device_used_bytes, device_free_bytes, device_total_bytes
            )
            AND CASE
                WHEN schema_version = 4
                    THEN has_capabilities
                        AND telemetry.are_counters_supported(
                            allocator_allocated_bytes, allocator_change_bytes, allocator_reserved_bytes,
                            allocator_active_bytes, allocator_inactive_bytes, device_used_bytes, device_free_bytes,
                            device_total_bytes,
                            may_have_allocated, may_have_reserved, may_have_active, may_have_inactive, may_have_used,
                            may_have_free, may_have_total
                        )
                ELSE telemetry.has_core_counters(
                    allocator_allocated_bytes, allocator_change_bytes, allocator_reserved_bytes, device_used_bytes
                )
            END
            AND is_plain_metadata
            AND (has_distinct_scope_keys OR event_type NOT IN ('phase_enter', 'phase_exit'))
            -- Escapes make a character up to six times as long, and lines are at most 16 MiB.
            AND strlen(json_metadata) + 6 * (
                strlen(session_id) + strlen(event_type) + strlen(collector) + strlen(host)
                + coalesce(strlen(job_id), 0) + coalesce(strlen(context), 0)
            ) < 16000000,
            false
        ) AS is_valid,
        telemetry.is_text_needed(
            event_type,
            severity,
            collector_health_status,
            backend,
            backend_json,
            coalesce(thread_id_json, scope_id_json)
        ) AS is_needed
    FROM rows_with_values
)

SELECT
    piece_id,
    line_number,
    -- Only where the text is used: to make it costs more than everything else here.
    CASE
        WHEN is_deferred THEN record
        WHEN keeps_all OR is_needed OR NOT is_valid THEN telemetry.record_text(
                allocator_active_bytes, allocator_allocated_bytes, allocator_change_bytes, allocator_inactive_bytes,
                allocator_reserved_bytes, collector, context, device_free_bytes,
                device_id, device_total_bytes, device_used_bytes, event_type,
                host, job_id, local_rank,
                CASE
                    WHEN is_valid THEN metadata
                    -- Lone surrogates (\ud800), which DuckDB refuses, are replaced for this check. A text that is no
                    -- JSON is written as a JSON string, so that it stays one value of the line.
                    WHEN json_valid(regexp_replace(metadata, '\\u[dD][89a-fA-F][0-9a-fA-F]{2}', '\\u0041', 'g'))
                        THEN metadata
                    ELSE CAST(to_json(metadata) AS VARCHAR)
                END,
                pid, rank, sampling_interval_ms, schema_version,
                session_id, timestamp_ns, world_size
            )
    END AS line,
    CAST(NULL AS VARCHAR) AS record_id,
    TRY_CAST(schema_version AS INTEGER) AS schema_version,
    session_id,
    timestamp_ns,
    event_type,
    collector,
    coalesce(rank, 0) AS rank,
    allocator_allocated_bytes,
    allocator_reserved_bytes,
    allocator_inactive_bytes,
    device_used_bytes,
    device_total_bytes,
    device_free_bytes,
    device_id,
    backend,
    severity,
    collector_health_status,
    is_fragmentation_known,
    is_valid,
    coalesce(is_needed, false) AS is_needed,
    is_deferred
FROM row_verdicts;
