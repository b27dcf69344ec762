-- What attachment sidecars declare, by time.
SELECT
    title, kind, attachment_id, url, path, run_id, session_id, job_id, rank, start_ns, end_ns, created_at_utc,
    updated_at_utc, storage, source_namespace, source_ref, metadata, sidecar_path
FROM attachments
WHERE (CAST($session_id AS VARCHAR[]) IS NULL OR list_contains(CAST($session_id AS VARCHAR[]), session_id))
    AND (CAST($job_id AS VARCHAR[]) IS NULL OR list_contains(CAST($job_id AS VARCHAR[]), job_id))
    AND (CAST($rank AS BIGINT[]) IS NULL OR list_contains(CAST($rank AS BIGINT[]), rank))
    AND (CAST($kind AS VARCHAR[]) IS NULL OR list_contains(CAST($kind AS VARCHAR[]), kind))
ORDER BY coalesce(start_ns, -1), title, sidecar_path, position
