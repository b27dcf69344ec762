-- Sessions, the latest first; each once per source.
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
    AND (CAST($session_id AS VARCHAR) IS NULL OR session_id = CAST($session_id AS VARCHAR))
    AND (CAST($status AS VARCHAR) IS NULL OR status = CAST($status AS VARCHAR))
    AND (CAST($job_id AS VARCHAR) IS NULL OR job_id = CAST($job_id AS VARCHAR))
    AND (CAST($rank AS BIGINT) IS NULL OR rank = CAST($rank AS BIGINT))
    AND (CAST($world_size AS BIGINT) IS NULL OR world_size = CAST($world_size AS BIGINT))
    AND (CAST($source_kind AS VARCHAR) IS NULL OR source_kind = CAST($source_kind AS VARCHAR))
    AND (CAST($has_oom_bundle AS BOOLEAN) IS NULL OR (oom_bundle_count > 0) = CAST($has_oom_bundle AS BOOLEAN))
ORDER BY started_at_ns DESC, session_id DESC, source_id, position
