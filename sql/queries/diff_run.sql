-- What the sessions of a run say of it, one row.
--
-- $run_id: the run. $attempt: only this attempt of it, or NULL.
SELECT
    count(DISTINCT session_id) AS session_count,
    min(job_id) AS job_id,
    max(world_size) AS world_size,
    coalesce(list_sort(list(DISTINCT code_version) FILTER (WHERE code_version IS NOT NULL)), []) AS code_versions,
    min(start_ns) AS started_ns,
    max(coalesce(last_event_ns, end_ns, start_ns)) AS last_ns
FROM run_sessions
WHERE run_id = $run_id
    AND (CAST($attempt AS BIGINT) IS NULL OR attempt = CAST($attempt AS BIGINT))
