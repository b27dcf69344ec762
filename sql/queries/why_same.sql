-- Attempts in which an issue has hits, with its first one there.
--
-- $fingerprint_id: the issue.
SELECT s.run_id, s.attempt, min(e.timestamp_ns) AS first_ns
FROM issue_evidence AS e
INNER JOIN run_sessions AS s ON coalesce(e.session_id, concat('bundle:', e.bundle_path)) = s.session_id
WHERE e.fingerprint_id = $fingerprint_id
GROUP BY s.run_id, s.attempt
ORDER BY min(e.timestamp_ns), s.run_id, s.attempt
