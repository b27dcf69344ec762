-- OOM bundles by date. $created_after_us and $created_before_us are microseconds since the Unix epoch.
SELECT
    bundle_path, created_at_utc, backend, reason, event_count, session_id, session_status, exception_type,
    exception_module
FROM oom_bundles
WHERE (CAST($session_id AS VARCHAR[]) IS NULL OR list_contains(CAST($session_id AS VARCHAR[]), session_id))
    AND (CAST($backend AS VARCHAR[]) IS NULL OR list_contains(CAST($backend AS VARCHAR[]), backend))
    AND (CAST($reason AS VARCHAR[]) IS NULL OR list_contains(CAST($reason AS VARCHAR[]), reason))
    AND (CAST($created_after_us AS BIGINT) IS NULL OR created_at_us >= CAST($created_after_us AS BIGINT))
    AND (CAST($created_before_us AS BIGINT) IS NULL OR created_at_us <= CAST($created_before_us AS BIGINT))
    -- A time of whole seconds stands for all of that second.
    AND (
        CAST($since AS BIGINT) IS NULL
        OR created_at_ns + CASE WHEN created_at_ns % 1000000000 = 0 THEN 999999999 ELSE 0 END >= CAST($since AS BIGINT)
    )
    AND (CAST($until AS BIGINT) IS NULL OR created_at_ns <= CAST($until AS BIGINT))
    AND (
        CAST($search AS VARCHAR) IS NULL
        OR contains(
            lower(concat_ws(chr(10), reason, exception_type, exception_message)), lower(CAST($search AS VARCHAR))
        )
    )
    /* conditions */
ORDER BY position
LIMIT CAST($limit AS BIGINT) OFFSET CAST($offset AS BIGINT)
