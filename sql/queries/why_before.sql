-- Issues with hits in an attempt before a time: alerts, degradations, findings, and failures that were survived.
--
-- Failures are left out: that of which this is the time, and those of other ranks at the very same time.
-- $run_id, $attempt: the attempt. $session_id: only this session of it, or NULL. $until_ns: the time.
SELECT
    e.fingerprint_id,
    any_value(e.kind) AS kind,
    min(e.severity) AS severity,
    arg_max(e.title, (e.timestamp_ns, e.title)) AS title,
    count(*) AS hit_count,
    min(e.timestamp_ns) AS first_ns,
    max(e.timestamp_ns) AS last_ns,
    list_sort(list(DISTINCT e.rank)) AS ranks,
    CAST(sum(count(*)) OVER () AS BIGINT) AS total_count
FROM issue_evidence AS e
INNER JOIN run_sessions AS s ON e.session_id = s.session_id AND coalesce(e.rank, s.rank) = s.rank
ANTI JOIN failures AS f
    ON e.stage = 1 AND e.segment_path = f.segment_path AND e.sort_line = f.line_number
    AND f.run_id = $run_id AND f.attempt = $attempt
WHERE s.run_id = $run_id AND s.attempt = $attempt
    AND (CAST($session_id AS VARCHAR) IS NULL OR s.session_id = CAST($session_id AS VARCHAR))
    AND e.stage > 0
    AND e.timestamp_ns <= CAST($until_ns AS BIGINT)
GROUP BY e.fingerprint_id
ORDER BY max(e.timestamp_ns) DESC, e.fingerprint_id
LIMIT 20
