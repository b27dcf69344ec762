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
ORDER BY coalesce(started_at_ns, -1) DESC, run_id DESC
