-- When ranks of an attempt failed, and what was seen of it: alerts, degradations, hidden memory, and hits of an issue.
-- Of what is of one kind in the same part of the time, only the first is a row.
--
-- $run_id, $attempt: the attempt. $session_id: only this session of it, or NULL. $start_ns, $end_ns: the time.
-- $buckets: number of its parts. $fingerprint_id: an issue, or NULL.
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

evidence_rows AS (
    SELECT e.*
    FROM issue_evidence AS e
    SEMI JOIN wanted_sessions AS s ON e.session_id = s.session_id
),

moments AS (
    SELECT 'failure' AS kind, timestamp_ns
    FROM attempt_failures
    UNION ALL
    SELECT
        CASE e.kind
            WHEN 'alert' THEN 'alert' WHEN 'collector_degradation' THEN 'degradation' ELSE 'hidden'
        END AS kind,
        e.timestamp_ns
    FROM evidence_rows AS e
    ANTI JOIN attempt_failures AS f
        ON e.stage = 1 AND e.segment_path = f.segment_path AND e.sort_line = f.line_number
    WHERE e.kind IN ('alert', 'collector_degradation', 'hidden_memory_anomaly')
        AND e.fingerprint_id IS DISTINCT FROM CAST($fingerprint_id AS VARCHAR)
    UNION ALL
    SELECT 'hit' AS kind, timestamp_ns
    FROM evidence_rows
    WHERE fingerprint_id = CAST($fingerprint_id AS VARCHAR)
)

SELECT kind, min(timestamp_ns) AS timestamp_ns
FROM moments
WHERE timestamp_ns BETWEEN CAST($start_ns AS BIGINT) AND CAST($end_ns AS BIGINT)
GROUP BY
    kind,
    (CAST(timestamp_ns AS HUGEINT) - $start_ns) * CAST($buckets AS HUGEINT)
        // (CAST($end_ns AS HUGEINT) - $start_ns + 1)
ORDER BY kind, timestamp_ns
