-- Events in the order of time.
SELECT
    schema_version, session_id, timestamp_ns, event_type, collector, sampling_interval_ms, pid, host, job_id, rank,
    local_rank, world_size, device_id, allocator_allocated_bytes, allocator_reserved_bytes,
    allocator_active_bytes, allocator_inactive_bytes, allocator_change_bytes, device_used_bytes,
    device_free_bytes, device_total_bytes, context, metadata, source_path, source_kind, session_status
FROM events
WHERE (CAST($session_id AS VARCHAR) IS NULL OR session_id = CAST($session_id AS VARCHAR))
    AND (CAST($session_ids AS VARCHAR[]) IS NULL OR list_contains(CAST($session_ids AS VARCHAR[]), session_id))
    AND (CAST($event_type AS VARCHAR[]) IS NULL OR list_contains(CAST($event_type AS VARCHAR[]), event_type))
    AND (CAST($rank AS BIGINT[]) IS NULL OR list_contains(CAST($rank AS BIGINT[]), rank))
    AND (CAST($collector AS VARCHAR[]) IS NULL OR list_contains(CAST($collector AS VARCHAR[]), collector))
    AND (CAST($status AS VARCHAR[]) IS NULL OR list_contains(CAST($status AS VARCHAR[]), session_status))
    AND (CAST($job_id AS VARCHAR[]) IS NULL OR list_contains(CAST($job_id AS VARCHAR[]), job_id))
    AND (CAST($host AS VARCHAR[]) IS NULL OR list_contains(CAST($host AS VARCHAR[]), host))
    AND (CAST($severity AS VARCHAR[]) IS NULL OR list_contains(CAST($severity AS VARCHAR[]), severity))
    AND (CAST($time_start_ns AS BIGINT) IS NULL OR timestamp_ns >= CAST($time_start_ns AS BIGINT))
    AND (CAST($time_end_ns AS BIGINT) IS NULL OR timestamp_ns <= CAST($time_end_ns AS BIGINT))
    AND (NOT coalesce(CAST($has_alert AS BOOLEAN), false) OR issues.is_alert(event_type, severity))
    AND (coalesce(CAST($has_alert AS BOOLEAN), true) OR NOT issues.is_alert(event_type, severity))
    AND (CAST($collector_health_status AS VARCHAR[]) IS NULL OR list_contains(CAST($collector_health_status AS VARCHAR[]), collector_health_status))
    AND (CAST($backend AS VARCHAR[]) IS NULL OR list_contains(CAST($backend AS VARCHAR[]), backend))
    AND (CAST($search AS VARCHAR) IS NULL OR contains(lower(context), lower(CAST($search AS VARCHAR))))
    /* conditions */
ORDER BY timestamp_ns, session_id, source_id, file_id, line_number
LIMIT CAST($limit AS BIGINT) OFFSET CAST($offset AS BIGINT)
