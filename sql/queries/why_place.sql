-- The attempt of a session, or that of the latest evidence of an issue.
--
-- $session_id: the session, or NULL. $fingerprint_id: the issue, or NULL. $run_id: only in this run, or NULL.
SELECT p.run_id, p.attempt, p.session_id
FROM (
    SELECT run_id, attempt, session_id, start_ns AS time_ns
    FROM run_sessions
    WHERE session_id = CAST($session_id AS VARCHAR)
    UNION ALL
    SELECT s.run_id, s.attempt, s.session_id, e.timestamp_ns AS time_ns
    FROM issue_evidence AS e
    INNER JOIN run_sessions AS s
        ON coalesce(e.session_id, concat('bundle:', e.bundle_path)) = s.session_id
    WHERE CAST($session_id AS VARCHAR) IS NULL AND e.fingerprint_id = CAST($fingerprint_id AS VARCHAR)
) AS p
WHERE CAST($run_id AS VARCHAR) IS NULL OR p.run_id = CAST($run_id AS VARCHAR)
ORDER BY p.time_ns DESC NULLS LAST, p.run_id, p.attempt, p.session_id
LIMIT 1
