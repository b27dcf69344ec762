-- What is attached to runs, run by run.
SELECT
    run_id, title, kind, storage, attachment_id, url, path, session_id, job_id, rank, local_rank, world_size, start_ns,
    end_ns, source_path, source_kind, source_namespace, source_ref, metadata
FROM run_attachments
WHERE (CAST($run_id AS VARCHAR[]) IS NULL OR list_contains(CAST($run_id AS VARCHAR[]), run_id))
    AND (CAST($session_id AS VARCHAR[]) IS NULL OR list_contains(CAST($session_id AS VARCHAR[]), session_id))
    AND (CAST($job_id AS VARCHAR[]) IS NULL OR list_contains(CAST($job_id AS VARCHAR[]), job_id))
    AND (CAST($rank AS BIGINT[]) IS NULL OR list_contains(CAST($rank AS BIGINT[]), rank))
    AND (CAST($kind AS VARCHAR[]) IS NULL OR list_contains(CAST($kind AS VARCHAR[]), kind))
    AND (CAST($source_namespace AS VARCHAR[]) IS NULL OR list_contains(CAST($source_namespace AS VARCHAR[]), source_namespace))
    AND (CAST($source_ref AS VARCHAR[]) IS NULL OR list_contains(CAST($source_ref AS VARCHAR[]), source_ref))
    AND (CAST($since AS BIGINT) IS NULL OR coalesce(end_ns, start_ns) >= CAST($since AS BIGINT))
    AND (CAST($until AS BIGINT) IS NULL OR coalesce(start_ns, end_ns) <= CAST($until AS BIGINT))
    AND (
        CAST($search AS VARCHAR) IS NULL
        OR contains(lower(concat_ws(chr(10), title, path, url)), lower(CAST($search AS VARCHAR)))
    )
ORDER BY
    run_id, coalesce(session_id, ''), coalesce(rank, -1), kind, title, source_path, coalesce(attachment_id, ''),
    source_kind, coalesce(start_ns, -1), CAST(metadata AS VARCHAR)
LIMIT CAST($limit AS BIGINT) OFFSET CAST($offset AS BIGINT)
