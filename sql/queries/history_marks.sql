-- When ranks of an attempt failed, and hits of issues in it by their kind, in equal parts of the time.
--
-- Evidence of a failure is left out: the failure itself is listed.
-- $run_id, $attempt: the attempt. $session_id: only this session of it, or NULL. $start_ns, $end_ns: the time, the end
-- included. $buckets: number of its parts.
WITH wanted_sessions AS (
    SELECT DISTINCT session_id
    FROM run_sessions
    WHERE run_id = $run_id AND attempt = $attempt
        AND (CAST($session_id AS VARCHAR) IS NULL OR session_id = CAST($session_id AS VARCHAR))
),

attempt_failures AS (
    SELECT f.*
    FROM failures AS f
    SEMI JOIN wanted_sessions AS s ON f.session_id = s.session_id
    WHERE f.run_id = $run_id AND f.attempt = $attempt
),

moments AS (
    SELECT 'failure' AS kind, timestamp_ns
    FROM attempt_failures
    UNION ALL
    SELECT e.kind, e.timestamp_ns
    FROM issue_evidence AS e
    SEMI JOIN wanted_sessions AS s ON e.session_id = s.session_id
    ANTI JOIN attempt_failures AS f
        ON e.stage = 1 AND e.segment_path = f.segment_path AND e.sort_line = f.line_number
    WHERE e.stage > 0
)

SELECT kind, min(timestamp_ns) AS timestamp_ns, count(*) AS count
FROM moments
WHERE timestamp_ns BETWEEN CAST($start_ns AS HUGEINT) AND CAST($end_ns AS HUGEINT)
GROUP BY
    kind,
    (CAST(timestamp_ns AS HUGEINT) - CAST($start_ns AS HUGEINT)) * CAST($buckets AS BIGINT)
        // (CAST($end_ns AS HUGEINT) - CAST($start_ns AS HUGEINT) + 1)
ORDER BY min(timestamp_ns), kind
