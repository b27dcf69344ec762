-- All attempts, the latest failed one first, then those that did not fail by their start.
SELECT
    run_id,
    attempt,
    title,
    source_ref,
    job_id,
    app,
    world_size,
    code_version,
    start_ns,
    last_ns,
    failed_ns,
    failed_count,
    lost_count,
    is_overlapping
FROM run_attempts
ORDER BY
    CASE WHEN failed_count > 0 OR lost_count > 0 THEN 0 ELSE 1 END,
    coalesce(failed_ns, last_ns) DESC,
    run_id,
    attempt
