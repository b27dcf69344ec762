-- Lines of telemetry as typed columns, and whether a line is plainly a valid version 3 or 4 record.
--
-- A line with `is_valid` false may still be valid (older versions, unusual spellings): Python reads it by itself, and
-- returns a canonical line, which comes through this view again, or a reject.
-- DuckDB casts "3", 3.5 and true to integers without an error, so every value is read as JSON text first, and
-- its type is checked before it is cast.
--
-- Reads: raw.lines
-- Calls: prim.are_distinct, prim.json_text, telemetry.are_capabilities_complete,
--   telemetry.are_counters_supported, telemetry.are_plain_counters, telemetry.are_plain_numbers,
--   telemetry.are_plain_ranks, telemetry.capability, telemetry.capability_values,
--   telemetry.has_core_counters, telemetry.is_integer_or_null, telemetry.is_plain_line,
--   telemetry.is_plain_metadata, telemetry.is_plain_text, telemetry.is_text_needed
-- Source: docs/concepts.md#events.
CREATE OR REPLACE VIEW raw.typed_lines AS
WITH field_lists AS (
    SELECT
        piece_id,
        line_number,
        line,
        record_id,
        is_canonical,
        CAST(
            json_extract(json_line, [
                '$.allocator_active_bytes',
                '$.allocator_allocated_bytes',
                '$.allocator_change_bytes',
                '$.allocator_inactive_bytes',
                '$.allocator_reserved_bytes',
                '$.collector',
                '$.context',
                '$.device_free_bytes',
                '$.device_id',
                '$.device_total_bytes',
                '$.device_used_bytes',
                '$.event_type',
                '$.host',
                '$.job_id',
                '$.local_rank',
                '$.pid',
                '$.rank',
                '$.sampling_interval_ms',
                '$.schema_version',
                '$.session_id',
                '$.timestamp_ns',
                '$.world_size',
                '$.metadata.backend',
                '$.metadata.severity',
                '$.metadata.collector_health_status',
                '$.metadata.origin_thread_id',
                '$.metadata.origin_phase_scope_id',
                '$.metadata.memory_capabilities',
                '$.metadata'
            ]) AS VARCHAR[]
        ) AS fields,
        -- What Python wrote was judged before.
        CASE
            WHEN NOT is_canonical THEN json_keys(json_line, ['$', '$.metadata', '$.metadata.phase_scope'])
        END AS keys
    FROM raw.lines
),

-- Gives each element of the list its name.
json_fields AS (
    SELECT
        piece_id,
        line_number,
        line,
        record_id,
        is_canonical,
        keys[1] AS record_keys,
        keys[2] AS metadata_keys,
        keys[3] AS scope_keys,
        -- How many of the known keys the record has; `metadata` is not counted.
        list_count(fields[1:22]) AS known_key_count,
        fields[1] AS allocator_active_bytes_json,
        fields[2] AS allocator_allocated_bytes_json,
        fields[3] AS allocator_change_bytes_json,
        fields[4] AS allocator_inactive_bytes_json,
        fields[5] AS allocator_reserved_bytes_json,
        fields[6] AS collector_json,
        fields[7] AS context_json,
        fields[8] AS device_free_bytes_json,
        fields[9] AS device_id_json,
        fields[10] AS device_total_bytes_json,
        fields[11] AS device_used_bytes_json,
        fields[12] AS event_type_json,
        fields[13] AS host_json,
        fields[14] AS job_id_json,
        fields[15] AS local_rank_json,
        fields[16] AS pid_json,
        fields[17] AS rank_json,
        fields[18] AS sampling_interval_ms_json,
        fields[19] AS schema_version_json,
        fields[20] AS session_id_json,
        fields[21] AS timestamp_ns_json,
        fields[22] AS world_size_json,
        fields[23] AS backend_json,
        fields[24] AS severity_json,
        fields[25] AS health_json,
        fields[26] AS origin_thread_id_json,
        fields[27] AS origin_phase_scope_id_json,
        fields[28] AS memory_capabilities_json,
        fields[29] AS metadata_json
    FROM field_lists
),

typed_fields AS (
    SELECT
        *,
        CASE WHEN memory_capabilities_json IS NOT NULL THEN telemetry.capability_values(memory_capabilities_json) END
            AS capabilities,
        concat_ws(
            ',',
            allocator_active_bytes_json, allocator_allocated_bytes_json, allocator_change_bytes_json,
            allocator_inactive_bytes_json, allocator_reserved_bytes_json, device_free_bytes_json,
            device_id_json, device_total_bytes_json, device_used_bytes_json, local_rank_json, pid_json,
            rank_json, sampling_interval_ms_json, schema_version_json, timestamp_ns_json, world_size_json
        ) AS integers,
        TRY_CAST(allocator_active_bytes_json AS BIGINT) AS allocator_active_bytes,
        TRY_CAST(allocator_allocated_bytes_json AS BIGINT) AS allocator_allocated_bytes,
        TRY_CAST(allocator_change_bytes_json AS BIGINT) AS allocator_change_bytes,
        TRY_CAST(allocator_inactive_bytes_json AS BIGINT) AS allocator_inactive_bytes,
        TRY_CAST(allocator_reserved_bytes_json AS BIGINT) AS allocator_reserved_bytes,
        TRY_CAST(device_free_bytes_json AS BIGINT) AS device_free_bytes,
        TRY_CAST(device_id_json AS BIGINT) AS device_id,
        TRY_CAST(device_total_bytes_json AS BIGINT) AS device_total_bytes,
        TRY_CAST(device_used_bytes_json AS BIGINT) AS device_used_bytes,
        TRY_CAST(local_rank_json AS BIGINT) AS local_rank,
        TRY_CAST(pid_json AS BIGINT) AS pid,
        TRY_CAST(rank_json AS BIGINT) AS rank,
        TRY_CAST(sampling_interval_ms_json AS BIGINT) AS sampling_interval_ms,
        TRY_CAST(schema_version_json AS BIGINT) AS schema_version,
        TRY_CAST(timestamp_ns_json AS BIGINT) AS timestamp_ns,
        TRY_CAST(world_size_json AS BIGINT) AS world_size,
        prim.json_text(collector_json) AS collector,
        prim.json_text(event_type_json) AS event_type,
        prim.json_text(session_id_json) AS session_id,
        prim.json_text(backend_json) AS backend,
        prim.json_text(severity_json) AS severity,
        prim.json_text(health_json) AS collector_health_status
    FROM json_fields
),

line_verdicts AS (
    SELECT
        piece_id,
        line_number,
        line,
        record_id,
        schema_version,
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
        CASE
            WHEN schema_version = 4
                THEN telemetry.capability(capabilities, 'supports_allocator_inactive')
                    AND telemetry.capability(capabilities, 'supports_fragmentation_analysis')
            ELSE true
        END AS is_fragmentation_known,
        CASE
            WHEN is_canonical THEN true
            ELSE coalesce(
                schema_version IN (3, 4)
                AND len(record_keys) = known_key_count + 1
                -- Integers and nulls only: no quote, fraction, exponent, true or false.
                AND regexp_full_match(integers, '[-0-9,nul]*')
                AND telemetry.is_plain_text(session_id_json)
                AND telemetry.is_plain_text(event_type_json)
                AND telemetry.is_plain_text(collector_json)
                AND telemetry.is_plain_text(host_json)
                AND (context_json = 'null' OR starts_with(context_json, '"'))
                AND (
                    job_id_json IS NULL
                    OR job_id_json = 'null'
                    OR telemetry.is_plain_text(job_id_json)
                )
                AND telemetry.are_plain_numbers(timestamp_ns, sampling_interval_ms, pid, device_id)
                -- Null is no value for these: only a key that is missing has none.
                AND (world_size_json IS NULL OR world_size IS NOT NULL)
                AND (rank_json IS NULL OR rank IS NOT NULL)
                AND (local_rank_json IS NULL OR local_rank IS NOT NULL)
                AND telemetry.are_plain_ranks(rank, local_rank, world_size)
                AND telemetry.is_integer_or_null(allocator_active_bytes_json, allocator_active_bytes)
                AND telemetry.is_integer_or_null(allocator_inactive_bytes_json, allocator_inactive_bytes)
                AND telemetry.is_integer_or_null(device_free_bytes_json, device_free_bytes)
                AND telemetry.is_integer_or_null(device_total_bytes_json, device_total_bytes)
                AND telemetry.is_integer_or_null(allocator_allocated_bytes_json, allocator_allocated_bytes)
                AND telemetry.is_integer_or_null(allocator_change_bytes_json, allocator_change_bytes)
                AND telemetry.is_integer_or_null(allocator_reserved_bytes_json, allocator_reserved_bytes)
                AND telemetry.is_integer_or_null(device_used_bytes_json, device_used_bytes)
                AND telemetry.are_plain_counters(
                    allocator_allocated_bytes, allocator_reserved_bytes, allocator_active_bytes,
                    allocator_inactive_bytes, device_used_bytes, device_free_bytes, device_total_bytes
                )
                AND CASE
                    WHEN schema_version = 4
                        THEN telemetry.are_capabilities_complete(
                            capabilities, len(json_keys(memory_capabilities_json))
                        )
                        AND telemetry.are_counters_supported(
                            allocator_allocated_bytes, allocator_change_bytes, allocator_reserved_bytes,
                            allocator_active_bytes, allocator_inactive_bytes, device_used_bytes, device_free_bytes,
                            device_total_bytes,
                            telemetry.capability(capabilities, 'supports_allocator_allocated'),
                            telemetry.capability(capabilities, 'supports_allocator_reserved'),
                            telemetry.capability(capabilities, 'supports_allocator_active'),
                            telemetry.capability(capabilities, 'supports_allocator_inactive'),
                            telemetry.capability(capabilities, 'supports_device_used'),
                            telemetry.capability(capabilities, 'supports_device_free'),
                            telemetry.capability(capabilities, 'supports_device_total')
                        )
                    ELSE telemetry.has_core_counters(
                        allocator_allocated_bytes, allocator_change_bytes, allocator_reserved_bytes, device_used_bytes
                    )
                END
                AND telemetry.is_plain_metadata(metadata_json, metadata_keys)
                AND (
                    prim.are_distinct(scope_keys)
                    OR event_type NOT IN ('phase_enter', 'phase_exit')
                )
                AND telemetry.is_plain_line(line),
                false
            )
        END AS is_valid,
        telemetry.is_text_needed(
            event_type,
            severity,
            collector_health_status,
            backend,
            backend_json,
            coalesce(origin_thread_id_json, origin_phase_scope_id_json)
        ) AS is_needed
    FROM typed_fields
)

SELECT
    piece_id,
    line_number,
    line,
    record_id,
    TRY_CAST(schema_version AS INTEGER) AS schema_version,
    session_id,
    timestamp_ns,
    event_type,
    collector,
    rank,
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
    coalesce(is_needed, false) AS is_needed
FROM line_verdicts;
