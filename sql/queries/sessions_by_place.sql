-- Ids of sessions of which all of this holds; a condition of lists of sessions and of events.
SELECT session_id
FROM stage.session_places
WHERE (CAST($since AS BIGINT) IS NULL OR last_ns >= CAST($since AS BIGINT))
    AND (CAST($until AS BIGINT) IS NULL OR start_ns <= CAST($until AS BIGINT))
    AND (CAST($run AS VARCHAR[]) IS NULL OR list_has_any(CAST($run AS VARCHAR[]), run_names))
    AND (CAST($app AS VARCHAR[]) IS NULL OR list_contains(CAST($app AS VARCHAR[]), app))
    AND (CAST($is_dev AS BOOLEAN) IS NULL OR is_dev = CAST($is_dev AS BOOLEAN))
