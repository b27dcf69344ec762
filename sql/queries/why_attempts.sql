-- All attempts: the one that failed last first, and those that did not fail by when they wrote last.
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
    coalesce(failed_ns, last_ns) DESC,
    run_id,
    attempt
