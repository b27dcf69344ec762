-- Ids of issues of which one hit fits all of this; a condition of list_issues. Lists mean any of their values.
SELECT fingerprint_id
FROM stage.hit_places
WHERE (CAST($session_id AS VARCHAR[]) IS NULL OR list_contains(CAST($session_id AS VARCHAR[]), session_id))
    AND (CAST($since AS BIGINT) IS NULL OR last_ns >= CAST($since AS BIGINT))
    AND (CAST($until AS BIGINT) IS NULL OR timestamp_ns <= CAST($until AS BIGINT))
    AND (CAST($run AS VARCHAR[]) IS NULL OR list_has_any(CAST($run AS VARCHAR[]), run_names))
    AND (CAST($job_id AS VARCHAR[]) IS NULL OR list_contains(CAST($job_id AS VARCHAR[]), job_id))
    AND (CAST($rank AS BIGINT[]) IS NULL OR list_contains(CAST($rank AS BIGINT[]), rank))
    AND (CAST($host AS VARCHAR[]) IS NULL OR list_contains(CAST($host AS VARCHAR[]), host))
    AND (CAST($app AS VARCHAR[]) IS NULL OR list_contains(CAST($app AS VARCHAR[]), app))
    AND (CAST($is_dev AS BOOLEAN) IS NULL OR is_dev = CAST($is_dev AS BOOLEAN))
