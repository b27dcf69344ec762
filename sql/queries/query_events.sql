-- Events in the order of time.
SELECT
    schema_version, session_id, timestamp_ns, event_type, collector, sampling_interval_ms, pid, host, job_id, rank,
    local_rank, world_size, device_id, allocator_allocated_bytes, allocator_reserved_bytes,
    allocator_active_bytes, allocator_inactive_bytes, allocator_change_bytes, device_used_bytes,
    device_free_bytes, device_total_bytes, context, metadata, source_path, source_kind, session_status
FROM events
WHERE (CAST($session_id AS VARCHAR) IS NULL OR session_id = CAST($session_id AS VARCHAR))
    AND (CAST($event_type AS VARCHAR) IS NULL OR event_type = CAST($event_type AS VARCHAR))
    AND (CAST($rank AS BIGINT) IS NULL OR rank = CAST($rank AS BIGINT))
    AND (CAST($collector AS VARCHAR) IS NULL OR collector = CAST($collector AS VARCHAR))
    AND (CAST($status AS VARCHAR) IS NULL OR session_status = CAST($status AS VARCHAR))
    AND (CAST($time_start_ns AS BIGINT) IS NULL OR timestamp_ns >= CAST($time_start_ns AS BIGINT))
    AND (CAST($time_end_ns AS BIGINT) IS NULL OR timestamp_ns <= CAST($time_end_ns AS BIGINT))
    AND (
        CAST($has_alert AS BOOLEAN) IS NULL
        OR issues.is_alert(event_type, severity) = CAST($has_alert AS BOOLEAN)
    )
    AND (CAST($collector_health_status AS VARCHAR) IS NULL OR collector_health_status = CAST($collector_health_status AS VARCHAR))
    AND (CAST($backend AS VARCHAR) IS NULL OR backend = CAST($backend AS VARCHAR))
ORDER BY timestamp_ns, session_id, source_id, file_id, line_number
LIMIT CAST($limit AS BIGINT)
