-- OOM bundles by date. $created_after_us and $created_before_us are microseconds since the Unix epoch.
SELECT
    bundle_path, created_at_utc, backend, reason, event_count, session_id, session_status, exception_type,
    exception_module
FROM oom_bundles
WHERE (CAST($session_id AS VARCHAR) IS NULL OR session_id = CAST($session_id AS VARCHAR))
    AND (CAST($backend AS VARCHAR) IS NULL OR backend = CAST($backend AS VARCHAR))
    AND (CAST($reason AS VARCHAR) IS NULL OR reason = CAST($reason AS VARCHAR))
    AND (CAST($created_after_us AS BIGINT) IS NULL OR created_at_us >= CAST($created_after_us AS BIGINT))
    AND (CAST($created_before_us AS BIGINT) IS NULL OR created_at_us <= CAST($created_before_us AS BIGINT))
ORDER BY position
