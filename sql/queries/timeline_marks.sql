-- What happened in some sessions within a time of each: failures, and hits of issues by kind, in equal parts of the
-- time.
--
-- A hit that is a failure is counted as a failure only.
-- $issues, $session_ids, $ranks, $starts_ns, $ends_ns: parallel lists: a number, the session and rank (hits of other
-- ranks do not count), and the time, the end included. $bucket_count: number of parts.
WITH bounds AS (
    SELECT
        unnest(CAST($issues AS BIGINT[])) AS issue,
        unnest(CAST($session_ids AS VARCHAR[])) AS session_id,
        unnest(CAST($ranks AS BIGINT[])) AS rank,
        unnest(CAST($starts_ns AS HUGEINT[])) AS start_ns,
        unnest(CAST($ends_ns AS HUGEINT[])) - unnest(CAST($starts_ns AS HUGEINT[])) + 1 AS length_ns,
        CAST($bucket_count AS BIGINT) AS bucket_count
),

happenings AS (
    SELECT session_id, rank, 'failure' AS kind, timestamp_ns
    FROM failures
    UNION ALL
    SELECT e.session_id, e.rank, e.kind, e.timestamp_ns
    FROM issue_evidence AS e
    ANTI JOIN failures AS f ON e.stage = 1 AND e.sort_file = f.file_id AND e.sort_line = f.line_number
    WHERE e.stage > 0
)

SELECT b.issue, h.kind, min(h.timestamp_ns) AS timestamp_ns, count(*) AS count
FROM happenings AS h
INNER JOIN bounds AS b ON h.session_id = b.session_id AND coalesce(h.rank = b.rank, true)
WHERE h.timestamp_ns >= b.start_ns AND h.timestamp_ns < b.start_ns + b.length_ns
GROUP BY
    b.issue,
    h.kind,
    (h.timestamp_ns - b.start_ns) * b.bucket_count // b.length_ns
ORDER BY b.issue, min(h.timestamp_ns), h.kind
