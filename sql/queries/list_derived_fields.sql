-- Ratios of events, by time.
SELECT
    session_id, rank, timestamp_ns, event_type, schema_version, allocator_gap_bytes, utilization_ratio,
    fragmentation_ratio, allocator_cache_ratio, is_degraded_collector, segment_path, line_number
FROM derived_fields
WHERE (CAST($session_id AS VARCHAR) IS NULL OR session_id = CAST($session_id AS VARCHAR))
    AND (CAST($rank AS BIGINT) IS NULL OR rank = CAST($rank AS BIGINT))
ORDER BY timestamp_ns, session_id, source_id, file_id, line_number
LIMIT CAST($limit AS BIGINT)
