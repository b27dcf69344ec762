-- Attempts in which issues have hits, the latest hit of an issue first, with the session of that hit.
--
-- $fingerprint_ids, $issues: parallel lists: fingerprints, and the number of the issue that each belongs to.
WITH wanted AS (
    SELECT
        unnest(CAST($fingerprint_ids AS VARCHAR[])) AS fingerprint_id,
        unnest(CAST($issues AS BIGINT[])) AS issue
)

SELECT
    w.issue,
    s.run_id,
    s.attempt,
    count(*) AS hit_count,
    min(e.timestamp_ns) AS first_ns,
    max(e.timestamp_ns) AS last_ns,
    arg_max(s.session_id, (e.timestamp_ns, s.session_id)) AS session_id
FROM issue_evidence AS e
INNER JOIN wanted AS w ON e.fingerprint_id = w.fingerprint_id
INNER JOIN (SELECT DISTINCT run_id, attempt, session_id FROM run_sessions) AS s
    ON coalesce(e.session_id, concat('bundle:', e.bundle_path)) = s.session_id
GROUP BY w.issue, s.run_id, s.attempt
ORDER BY w.issue, max(e.timestamp_ns) DESC NULLS LAST, s.run_id, s.attempt
