-- The failures of an attempt in their order, with what their records say of the thread that failed.
--
-- $run_id, $attempt: the attempt. $session_id: only those of this session, or NULL.
SELECT
    f.rank,
    f.session_id,
    f.timestamp_ns,
    f.time_source,
    f.kind,
    f.survived,
    f.device_id,
    f.context,
    f.fingerprint_id,
    -- Without a bundle, what the event itself says.
    coalesce(f.exception_type, json_extract_string(e.record, '$.metadata.exception_type')) AS exception_type,
    coalesce(f.exception_message, json_extract_string(e.record, '$.metadata.exception_message')) AS exception_message,
    f.requested_bytes,
    f.free_bytes,
    f.bundle_path,
    b.allocator_snapshot_path,
    f.segment_path,
    f.line_number,
    CAST(json_extract(e.record, '$.metadata.origin_thread_id') AS VARCHAR) AS origin_thread_json,
    CAST(json_extract(e.record, '$.metadata.origin_phase_scope_id') AS VARCHAR) AS origin_scope_json
FROM failures AS f
LEFT JOIN raw.events AS e ON f.file_id = e.file_id AND f.line_number = e.line_number
LEFT JOIN raw.oom_bundles AS b ON f.bundle_path = b.bundle_path
WHERE f.run_id = $run_id AND f.attempt = $attempt
    AND (CAST($session_id AS VARCHAR) IS NULL OR f.session_id = CAST($session_id AS VARCHAR))
ORDER BY f.position
