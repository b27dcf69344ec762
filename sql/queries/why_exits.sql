-- How the commands of an attempt ended, in the words of what ran them: the last such record of each rank.
--
-- $run_id, $attempt: the attempt. $session_id: only that of this session, or NULL.
SELECT
    e.rank,
    left(arg_max(json_extract_string(e.record, '$.context'), (e.timestamp_ns, e.line_number)), 1000) AS summary
FROM raw.events AS e
INNER JOIN run_sessions AS s ON e.session_id = s.session_id
WHERE e.event_type = 'exit' AND json_extract_string(e.record, '$.context') IS NOT NULL AND s.run_id = $run_id AND s.attempt = $attempt
    AND (CAST($session_id AS VARCHAR) IS NULL OR e.session_id = CAST($session_id AS VARCHAR))
GROUP BY e.rank
ORDER BY e.rank
