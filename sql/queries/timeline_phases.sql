-- Phases of some ranks over a time of each: of each equal part of it the phase that took most of it, neighbours drawn
-- together.
--
-- The time of a phase is that in which none below it ran.
-- $issues, $session_ids, $ranks, $starts_ns, $ends_ns: parallel lists: a number, the rank, and the time, the end
-- included. $bucket_count: number of parts.
WITH bounds AS (
    SELECT
        unnest(CAST($issues AS BIGINT[])) AS issue,
        unnest(CAST($session_ids AS VARCHAR[])) AS session_id,
        unnest(CAST($ranks AS BIGINT[])) AS rank,
        unnest(CAST($starts_ns AS HUGEINT[])) AS start_ns,
        unnest(CAST($ends_ns AS HUGEINT[])) - unnest(CAST($starts_ns AS HUGEINT[])) + 1 AS length_ns,
        CAST($bucket_count AS BIGINT) AS bucket_count
),

buckets AS (
    SELECT
        b.issue,
        b.session_id,
        b.rank,
        n.bucket,
        -- A part may end one past the last time that there is.
        CAST(
            least(b.start_ns + (n.bucket * b.length_ns + b.bucket_count - 1) // b.bucket_count, 9223372036854775807) AS BIGINT
        ) AS start_ns,
        CAST(
            least(b.start_ns + ((n.bucket + 1) * b.length_ns + b.bucket_count - 1) // b.bucket_count, 9223372036854775807)
            AS BIGINT
        ) AS end_ns
    FROM bounds AS b
    CROSS JOIN (SELECT unnest(range(CAST($bucket_count AS BIGINT))) AS bucket) AS n
),

span_parts AS (
    SELECT
        b.issue,
        b.bucket,
        s.path,
        least(s.end_ns, b.end_ns) - greatest(s.start_ns, b.start_ns) AS length_ns
    FROM phase_spans AS s
    INNER JOIN buckets AS b
        ON s.session_id = b.session_id AND s.rank = b.rank AND s.start_ns < b.end_ns AND s.end_ns >= b.start_ns
),

path_times AS (
    SELECT issue, bucket, path, length_ns FROM span_parts
    UNION ALL
    SELECT issue, bucket, path[:-2] AS path, -length_ns AS length_ns FROM span_parts WHERE len(path) > 1
),

path_totals AS (
    SELECT issue, bucket, path, sum(length_ns) AS length_ns
    FROM path_times
    GROUP BY issue, bucket, path
),

bucket_phases AS (
    SELECT issue, bucket, arg_max(path, (length_ns, path)) AS path
    FROM path_totals
    GROUP BY issue, bucket
),

numbered_phases AS (
    SELECT issue, bucket, path, bucket - row_number() OVER (PARTITION BY issue, path ORDER BY bucket) AS island
    FROM bucket_phases
)

SELECT
    p.issue,
    array_to_string(p.path, ' / ') AS phase,
    min(b.start_ns) AS start_ns,
    max(b.end_ns) AS end_ns
FROM numbered_phases AS p
INNER JOIN buckets AS b ON p.issue = b.issue AND p.bucket = b.bucket
GROUP BY p.issue, p.path, p.island
ORDER BY p.issue, start_ns
