-- Phases of a rank over some time: of each equal part of it the phase that took most of it, neighbours drawn together.
--
-- The time of a phase is that in which none below it ran.
-- $session_id, $rank: the rank. $start_ns, $end_ns: the time, the end included. $bucket_count: number of parts.
WITH bounds AS (
    SELECT
        CAST($start_ns AS HUGEINT) AS start_ns,
        CAST($end_ns AS HUGEINT) - CAST($start_ns AS HUGEINT) + 1 AS length_ns,
        CAST($bucket_count AS BIGINT) AS bucket_count
),

buckets AS (
    SELECT
        n.bucket,
        CAST(b.start_ns + (n.bucket * b.length_ns + b.bucket_count - 1) // b.bucket_count AS BIGINT) AS start_ns,
        CAST(b.start_ns + ((n.bucket + 1) * b.length_ns + b.bucket_count - 1) // b.bucket_count AS BIGINT) AS end_ns
    FROM bounds AS b
    CROSS JOIN (SELECT unnest(range(CAST($bucket_count AS BIGINT))) AS bucket) AS n
),

span_parts AS (
    SELECT
        b.bucket,
        s.path,
        least(s.end_ns, b.end_ns) - greatest(s.start_ns, b.start_ns) AS length_ns
    FROM phase_spans AS s
    INNER JOIN buckets AS b ON s.start_ns < b.end_ns AND s.end_ns >= b.start_ns
    WHERE s.session_id = CAST($session_id AS VARCHAR) AND s.rank = CAST($rank AS BIGINT)
),

path_times AS (
    SELECT bucket, path, length_ns FROM span_parts
    UNION ALL
    SELECT bucket, path[:-2] AS path, -length_ns AS length_ns FROM span_parts WHERE len(path) > 1
),

path_totals AS (
    SELECT bucket, path, sum(length_ns) AS length_ns
    FROM path_times
    GROUP BY bucket, path
),

bucket_phases AS (
    SELECT bucket, arg_max(path, (length_ns, path)) AS path
    FROM path_totals
    GROUP BY bucket
),

numbered_phases AS (
    SELECT bucket, path, bucket - row_number() OVER (PARTITION BY path ORDER BY bucket) AS island
    FROM bucket_phases
)

SELECT
    array_to_string(p.path, ' / ') AS phase,
    min(b.start_ns) AS start_ns,
    max(b.end_ns) AS end_ns
FROM numbered_phases AS p
INNER JOIN buckets AS b ON p.bucket = b.bucket
GROUP BY p.path, p.island
ORDER BY start_ns
