-- Ratios that follow from the counters of each event, by the model of the version that it was written for.
--
-- Up to version 3 unknown counters count as 0, and fragmentation is what the allocator holds but has not handed out. In
-- version 4 what rests on an unknown counter is unknown, and fragmentation is inactive memory.
--
-- Columns:
--   session_id: session that wrote the event
--   rank: global rank of the process, from 0
--   timestamp_ns: when it happened, nanoseconds since the Unix epoch
--   event_type: what happened
--   schema_version: 3 or 4
--   allocator_gap_bytes: bytes that the allocator holds and has not handed out, 0 or more, NULL when unknown
--   utilization_ratio: part of the device that is handed out, NULL when unknown
--   fragmentation_ratio: part of what the allocator holds that it cannot hand out, NULL when unknown
--   allocator_cache_ratio: part of what the allocator holds that is not handed out, NULL when unknown and up to version 3
--   is_degraded_collector: whether the name of the collector says that it measures less than it should
--   segment_path: file that holds the event
--   line_number: line in that file from 1 (row of a Parquet or CSV file, item of a JSON list)
--   source_id: number of the source in the order of the catalog, from 0
--   file_id: number of the file in reading order, from 0
--
-- Reads: events
-- Calls: prim.lower_ascii
-- Needs: texts
-- Source: docs/concepts.md#derived-fields.
CREATE OR REPLACE VIEW derived_fields AS
WITH capability_lists AS (
    SELECT
        *,
        CASE
            WHEN schema_version = 4 THEN CAST(
                json_extract(metadata, [
                    '$.memory_capabilities.supports_allocator_allocated',
                    '$.memory_capabilities.supports_allocator_inactive',
                    '$.memory_capabilities.supports_fragmentation_analysis'
                ]) AS VARCHAR[]
            )
        END AS capabilities
    FROM events
),

operands AS (
    SELECT
        * REPLACE (
            CASE WHEN schema_version = 4 THEN allocator_allocated_bytes ELSE coalesce(allocator_allocated_bytes, 0) END
                AS allocator_allocated_bytes,
            CASE WHEN schema_version = 4 THEN allocator_reserved_bytes ELSE coalesce(allocator_reserved_bytes, 0) END
                AS allocator_reserved_bytes
        ),
        coalesce(capabilities[1], '') = 'false' AS has_no_allocated,
        coalesce(capabilities[2], '') <> 'false' AND coalesce(capabilities[3], '') <> 'false' AS can_be_fragmented
    FROM capability_lists
),

gaps AS (
    SELECT
        *,
        CASE
            WHEN allocator_allocated_bytes IS NOT NULL AND allocator_reserved_bytes IS NOT NULL
                THEN greatest(0, allocator_reserved_bytes - allocator_allocated_bytes)
        END AS allocator_gap_bytes,
        CASE WHEN has_no_allocated THEN device_used_bytes ELSE allocator_allocated_bytes END AS in_use_bytes
    FROM operands
)

SELECT
    session_id,
    rank,
    timestamp_ns,
    event_type,
    schema_version,
    allocator_gap_bytes,
    CASE WHEN device_total_bytes > 0 THEN in_use_bytes / device_total_bytes END AS utilization_ratio,
    CASE
        WHEN allocator_reserved_bytes <= 0 THEN NULL
        WHEN schema_version <> 4 THEN allocator_gap_bytes / allocator_reserved_bytes
        WHEN can_be_fragmented THEN allocator_inactive_bytes / allocator_reserved_bytes
    END AS fragmentation_ratio,
    CASE
        WHEN schema_version = 4 AND allocator_reserved_bytes > 0 THEN allocator_gap_bytes / allocator_reserved_bytes
    END AS allocator_cache_ratio,
    regexp_matches(prim.lower_ascii(collector), 'fallback|degraded|unavailable|partial|legacy\.unknown')
        AS is_degraded_collector,
    segment_path,
    line_number,
    source_id,
    file_id
FROM gaps;
