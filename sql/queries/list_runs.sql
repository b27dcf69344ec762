-- Runs, the latest first.
SELECT
    run_id, explicit, title, description, job_id, started_at_ns, ended_at_ns, source_path, source_kind, source_namespace,
    source_ref, session_count, attachment_count, sessions, ranks, tags, metadata
FROM runs
WHERE (CAST($run_id AS VARCHAR[]) IS NULL OR list_contains(CAST($run_id AS VARCHAR[]), run_id))
    AND (CAST($session_id AS VARCHAR[]) IS NULL OR list_has_any(CAST($session_id AS VARCHAR[]), sessions))
    AND (CAST($job_id AS VARCHAR[]) IS NULL OR list_contains(CAST($job_id AS VARCHAR[]), job_id))
    AND (CAST($rank AS BIGINT[]) IS NULL OR list_has_any(CAST($rank AS BIGINT[]), ranks))
    AND (CAST($source_namespace AS VARCHAR[]) IS NULL OR list_contains(CAST($source_namespace AS VARCHAR[]), source_namespace))
    AND (CAST($source_ref AS VARCHAR[]) IS NULL OR list_contains(CAST($source_ref AS VARCHAR[]), source_ref))
    AND (CAST($since AS BIGINT) IS NULL OR ended_at_ns IS NULL OR ended_at_ns >= CAST($since AS BIGINT))
    AND (CAST($until AS BIGINT) IS NULL OR started_at_ns <= CAST($until AS BIGINT))
    AND (
        CAST($search AS VARCHAR) IS NULL
        OR contains(
            lower(concat_ws(chr(10), run_id, title, description, job_id, source_ref, source_path)),
            lower(CAST($search AS VARCHAR))
        )
    )
ORDER BY coalesce(started_at_ns, -1) DESC, run_id DESC
LIMIT CAST($limit AS BIGINT) OFFSET CAST($offset AS BIGINT)
