-- What happened in a session within some time: failures, and hits of issues by kind, in equal parts of the time.
--
-- A hit that is a failure is counted as a failure only.
-- $session_id, $rank: only hits of this rank, and those that name none. $start_ns, $end_ns: the time, the end included.
-- $bucket_count: number of parts.
WITH happenings AS (
    SELECT 'failure' AS kind, timestamp_ns
    FROM failures
    WHERE session_id = CAST($session_id AS VARCHAR) AND (rank IS NULL OR rank = CAST($rank AS BIGINT))
    UNION ALL
    SELECT e.kind, e.timestamp_ns
    FROM issue_evidence AS e
    ANTI JOIN failures AS f ON e.stage = 1 AND e.sort_file = f.file_id AND e.sort_line = f.line_number
    WHERE e.session_id = CAST($session_id AS VARCHAR)
        AND (e.rank IS NULL OR e.rank = CAST($rank AS BIGINT))
        AND e.stage > 0
)

SELECT kind, min(timestamp_ns) AS timestamp_ns, count(*) AS count
FROM happenings
WHERE timestamp_ns BETWEEN CAST($start_ns AS BIGINT) AND CAST($end_ns AS BIGINT)
GROUP BY
    kind,
    (timestamp_ns - CAST($start_ns AS HUGEINT)) * CAST($bucket_count AS BIGINT)
    // (CAST($end_ns AS HUGEINT) - CAST($start_ns AS HUGEINT) + 1)
ORDER BY min(timestamp_ns), kind
