-- Issues with hits in a run, the worst and latest first, with what the run has of them.
--
-- A bundle that names no session is one of the run that it makes up by itself.
-- $run_id: the run. $attempt: only this attempt of it, or NULL.
WITH hit_totals AS (
    SELECT
        e.fingerprint_id,
        count(*) AS hit_count,
        count(DISTINCT e.session_id) AS session_count,
        coalesce(list_sort(list(DISTINCT e.rank) FILTER (WHERE e.rank IS NOT NULL)), []) AS ranks,
        min(e.timestamp_ns) AS first_ns,
        max(e.timestamp_ns) AS last_ns
    FROM issue_evidence AS e
    SEMI JOIN (
        SELECT session_id
        FROM run_sessions
        WHERE run_id = $run_id
            AND (CAST($attempt AS BIGINT) IS NULL OR attempt = CAST($attempt AS BIGINT))
    ) AS s ON coalesce(e.session_id, concat('bundle:', e.bundle_path)) = s.session_id
    GROUP BY e.fingerprint_id
)

SELECT
    i.fingerprint_id,
    i.kind,
    i.severity,
    i.title,
    i.dimensions,
    t.hit_count,
    t.session_count,
    t.ranks,
    t.first_ns,
    t.last_ns
FROM hit_totals AS t
INNER JOIN issues AS i ON t.fingerprint_id = i.fingerprint_id
ORDER BY i.severity_rank, t.last_ns DESC NULLS LAST, i.fingerprint_id
