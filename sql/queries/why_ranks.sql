-- The ranks of an attempt, by rank.
--
-- $run_id, $attempt: the attempt. $session_id: only the rank of this session, or NULL.
SELECT rank, session_id, host, status, state, failed_ns, start_ns, last_ns
FROM run_ranks
WHERE run_id = $run_id AND attempt = $attempt
    AND (CAST($session_id AS VARCHAR) IS NULL OR session_id = CAST($session_id AS VARCHAR))
ORDER BY rank
