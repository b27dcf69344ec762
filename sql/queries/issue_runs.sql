-- Attempts in which an issue has hits, the latest hit first, with the session of that hit.
--
-- $fingerprint_ids: the fingerprints of the issue.
SELECT
    s.run_id,
    s.attempt,
    count(*) AS hit_count,
    min(e.timestamp_ns) AS first_ns,
    max(e.timestamp_ns) AS last_ns,
    arg_max(s.session_id, (e.timestamp_ns, s.session_id)) AS session_id
FROM issue_evidence AS e
INNER JOIN (SELECT DISTINCT run_id, attempt, session_id FROM run_sessions) AS s
    ON coalesce(e.session_id, concat('bundle:', e.bundle_path)) = s.session_id
WHERE e.fingerprint_id IN (SELECT unnest(CAST($fingerprint_ids AS VARCHAR[])))
GROUP BY s.run_id, s.attempt
ORDER BY max(e.timestamp_ns) DESC NULLS LAST, s.run_id, s.attempt
