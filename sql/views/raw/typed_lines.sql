-- Lines of telemetry as typed columns, and whether a line is plainly a valid version 3 or 4 record.
--
-- A line that is not plainly valid (older versions, unusual spellings, damage) is not judged here:
-- Python is the arbiter of those, one by one, and hands back canonical lines or a reject.
-- DuckDB coerces "3", 3.5 and true to integers without a word, so every value is read as JSON text
-- first and its type is checked before it is cast.
--
-- Reads: raw.lines
-- Calls: prim.are_distinct, prim.json_text, telemetry.capabilities_allow, telemetry.capability,
--   telemetry.capability_values, telemetry.is_counter, telemetry.is_plain_line,
--   telemetry.is_plain_metadata, telemetry.is_plain_text, telemetry.is_text_needed
-- Source: docs/concepts.md#events.
CREATE OR REPLACE VIEW raw.typed_lines AS
WITH split AS (
    SELECT
        file_id,
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
        json_keys(json_line, ['$', '$.metadata', '$.metadata.phase_scope']) AS keys
    FROM raw.lines
),

typed AS (
    SELECT
        file_id,
        line_number,
        line,
        record_id,
        is_canonical,
        fields,
        keys[1] AS record_keys,
        keys[2] AS metadata_keys,
        keys[3] AS scope_keys,
        -- How many of the fields of a record there are.
        list_count(fields[1:22]) AS known_key_count,
        CASE WHEN fields[28] IS NOT NULL THEN telemetry.capability_values(fields[28]) END AS capabilities,
        concat_ws(',', fields[1], fields[2], fields[3], fields[4], fields[5], fields[8], fields[9], fields[10], fields[11], fields[15], fields[16], fields[17], fields[18], fields[19], fields[21], fields[22]) AS integers,
        TRY_CAST(fields[1] AS BIGINT) AS allocator_active_bytes,
        TRY_CAST(fields[2] AS BIGINT) AS allocator_allocated_bytes,
        TRY_CAST(fields[3] AS BIGINT) AS allocator_change_bytes,
        TRY_CAST(fields[4] AS BIGINT) AS allocator_inactive_bytes,
        TRY_CAST(fields[5] AS BIGINT) AS allocator_reserved_bytes,
        TRY_CAST(fields[8] AS BIGINT) AS device_free_bytes,
        TRY_CAST(fields[9] AS BIGINT) AS device_id,
        TRY_CAST(fields[10] AS BIGINT) AS device_total_bytes,
        TRY_CAST(fields[11] AS BIGINT) AS device_used_bytes,
        TRY_CAST(fields[15] AS BIGINT) AS local_rank,
        TRY_CAST(fields[16] AS BIGINT) AS pid,
        TRY_CAST(fields[17] AS BIGINT) AS rank,
        TRY_CAST(fields[18] AS BIGINT) AS sampling_interval_ms,
        TRY_CAST(fields[19] AS BIGINT) AS schema_version,
        TRY_CAST(fields[21] AS BIGINT) AS timestamp_ns,
        TRY_CAST(fields[22] AS BIGINT) AS world_size,
        prim.json_text(fields[6]) AS collector,
        prim.json_text(fields[12]) AS event_type,
        prim.json_text(fields[20]) AS session_id,
        prim.json_text(fields[23]) AS backend,
        prim.json_text(fields[24]) AS severity,
        prim.json_text(fields[25]) AS collector_health_status
    FROM split
),

checked AS (
    SELECT
        file_id,
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
        backend,
        severity,
        collector_health_status,
        CASE
            WHEN schema_version = 4
                THEN telemetry.capability(capabilities, 7) AND telemetry.capability(capabilities, 12)
            ELSE true
        END AS is_fragmentation_known,
        is_canonical OR coalesce(
            schema_version IN (3, 4)
            AND len(record_keys) = known_key_count + 1
            -- No quote, fraction, exponent, true or false among the integers.
            AND regexp_full_match(integers, '[-0-9,nul]*')
            AND telemetry.is_plain_text(fields[20])
            AND telemetry.is_plain_text(fields[12])
            AND telemetry.is_plain_text(fields[6])
            AND telemetry.is_plain_text(fields[13])
            AND (fields[7] = 'null' OR starts_with(fields[7], '"'))
            AND (
                fields[14] IS NULL
                OR fields[14] = 'null'
                OR telemetry.is_plain_text(fields[14])
            )
            AND timestamp_ns >= 0
            AND sampling_interval_ms >= 0
            AND pid >= -1
            AND device_id IS NOT NULL
            AND CASE WHEN fields[22] IS NULL THEN true ELSE world_size >= 1 END
            AND CASE
                WHEN fields[17] IS NULL THEN true
                ELSE rank >= 0 AND rank < coalesce(world_size, 1)
            END
            AND CASE
                WHEN fields[15] IS NULL THEN coalesce(rank, 0) < coalesce(world_size, 1)
                ELSE local_rank >= 0 AND local_rank < coalesce(world_size, 1)
            END
            AND telemetry.is_counter(fields[1], allocator_active_bytes)
            AND telemetry.is_counter(fields[4], allocator_inactive_bytes)
            AND telemetry.is_counter(fields[8], device_free_bytes)
            AND telemetry.is_counter(fields[10], device_total_bytes)
            AND telemetry.is_counter(fields[2], allocator_allocated_bytes)
            AND telemetry.is_counter(fields[5], allocator_reserved_bytes)
            AND telemetry.is_counter(fields[11], device_used_bytes)
            AND (fields[3] = 'null' OR allocator_change_bytes IS NOT NULL)
            AND CASE
                WHEN schema_version = 4 THEN telemetry.capabilities_allow(
                    capabilities,
                    len(json_keys(fields[28])),
                    allocator_allocated_bytes,
                    allocator_change_bytes,
                    allocator_reserved_bytes,
                    allocator_active_bytes,
                    allocator_inactive_bytes,
                    device_used_bytes,
                    device_free_bytes,
                    device_total_bytes
                )
                ELSE allocator_allocated_bytes IS NOT NULL
                    AND allocator_change_bytes IS NOT NULL
                    AND allocator_reserved_bytes IS NOT NULL
                    AND device_used_bytes IS NOT NULL
            END
            AND coalesce(device_used_bytes <= device_total_bytes, true)
            AND coalesce(device_free_bytes <= device_total_bytes, true)
            AND telemetry.is_plain_metadata(fields[29], metadata_keys)
            AND (
                prim.are_distinct(scope_keys)
                OR event_type NOT IN ('phase_enter', 'phase_exit')
            )
            AND telemetry.is_plain_line(line),
            false
        ) AS is_valid,
        telemetry.is_text_needed(
            event_type, severity, collector_health_status, backend, fields[23], coalesce(fields[26], fields[27])
        ) AS is_needed
    FROM typed
)

SELECT
    file_id,
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
    backend,
    severity,
    collector_health_status,
    is_fragmentation_known,
    is_valid,
    coalesce(is_needed, false) AS is_needed
FROM checked;
