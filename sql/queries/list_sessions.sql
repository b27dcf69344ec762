-- Sessions, the latest first; each once per source. Lists mean any of their values.
SELECT
    session_id, status, started_at_ns, ended_at_ns, host, pid, job_id, rank, local_rank, world_size, source,
    source_path, source_kind, source_count, warning_count, event_count, oom_bundle_count
FROM (
    SELECT
        *,
        row_number() OVER (
            PARTITION BY session_id, source_path, source_kind ORDER BY source_id, position
        ) AS occurrence
    FROM sessions
)
WHERE occurrence = 1
    AND (CAST($session_id AS VARCHAR[]) IS NULL OR list_contains(CAST($session_id AS VARCHAR[]), session_id))
    AND (CAST($status AS VARCHAR[]) IS NULL OR list_contains(CAST($status AS VARCHAR[]), status))
    AND (CAST($job_id AS VARCHAR[]) IS NULL OR list_contains(CAST($job_id AS VARCHAR[]), job_id))
    AND (CAST($rank AS BIGINT[]) IS NULL OR list_contains(CAST($rank AS BIGINT[]), rank))
    AND (CAST($world_size AS BIGINT[]) IS NULL OR list_contains(CAST($world_size AS BIGINT[]), world_size))
    AND (CAST($source_kind AS VARCHAR[]) IS NULL OR list_contains(CAST($source_kind AS VARCHAR[]), source_kind))
    AND (CAST($host AS VARCHAR[]) IS NULL OR list_contains(CAST($host AS VARCHAR[]), host))
    AND (CAST($has_oom_bundle AS BOOLEAN) IS NULL OR (oom_bundle_count > 0) = CAST($has_oom_bundle AS BOOLEAN))
    AND (
        CAST($search AS VARCHAR) IS NULL
        OR contains(
            lower(concat_ws(chr(10), session_id, job_id, host, source_path)), lower(CAST($search AS VARCHAR))
        )
    )
    /* conditions */
ORDER BY started_at_ns DESC, session_id DESC, source_id, position
LIMIT CAST($limit AS BIGINT) OFFSET CAST($offset AS BIGINT)
