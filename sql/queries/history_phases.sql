-- The phases of a session and rank over time, in equal parts of a time: for each part the phase that took half of it
-- or more, and parts in a row with the same phase as one.
--
-- Level 1 has outermost phases, level 2 also those within them, and so on: a phase within another takes its place.
-- Levels with more rows than $most are left out.
--
-- $session_id, $rank: whose phases. $start_ns, $end_ns: the time. $buckets: number of parts. $most: see above.
WITH arguments AS (
    SELECT
        CAST($start_ns AS HUGEINT) AS start_ns,
        CAST($end_ns AS HUGEINT) - $start_ns + 1 AS length_ns,
        CAST($buckets AS HUGEINT) AS bucket_count
),

spans AS (
    SELECT
        p.depth,
        p.phase_path,
        greatest(p.start_ns, a.start_ns) - a.start_ns AS from_ns,
        least(p.end_ns, a.start_ns + a.length_ns - 1) - a.start_ns AS to_ns,
        a.start_ns,
        a.length_ns,
        a.bucket_count
    FROM phase_spans AS p
    CROSS JOIN arguments AS a
    WHERE p.session_id = CAST($session_id AS VARCHAR) AND p.rank = $rank AND p.depth <= 3
        AND p.end_ns >= a.start_ns AND p.start_ns < a.start_ns + a.length_ns
),

span_parts AS (
    SELECT
        *,
        unnest(
            range(CAST(from_ns * bucket_count // length_ns AS BIGINT), CAST(to_ns * bucket_count // length_ns AS BIGINT) + 1)
        ) AS bucket
    FROM spans
),

part_bounds AS (
    SELECT
        *,
        (bucket * length_ns + bucket_count - 1) // bucket_count AS bucket_start,
        ((bucket + 1) * length_ns + bucket_count - 1) // bucket_count AS bucket_end
    FROM span_parts
),

phase_parts AS (
    SELECT
        depth,
        phase_path,
        bucket,
        any_value(start_ns + bucket_start) AS bucket_start_ns,
        any_value(start_ns + least(bucket_end, length_ns - 1)) AS bucket_end_ns,
        sum(least(to_ns + 1, bucket_end) - greatest(from_ns, bucket_start)) AS covered_ns
    FROM part_bounds
    GROUP BY depth, phase_path, bucket
    HAVING 2 * covered_ns >= any_value(bucket_end - bucket_start)
),

levels AS (
    SELECT unnest([1, 2, 3]) AS level
),

chosen_phases AS (
    SELECT l.level, p.bucket, p.phase_path, p.bucket_start_ns, p.bucket_end_ns
    FROM phase_parts AS p
    INNER JOIN levels AS l ON p.depth <= l.level
    QUALIFY row_number() OVER (
        PARTITION BY l.level, p.bucket ORDER BY p.depth DESC, p.covered_ns DESC, p.phase_path
    ) = 1
),

numbered_phases AS (
    SELECT
        *,
        bucket - row_number() OVER (PARTITION BY level, phase_path ORDER BY bucket) AS stretch
    FROM chosen_phases
),

stretches AS (
    SELECT
        level,
        phase_path,
        CAST(min(bucket_start_ns) AS BIGINT) AS start_ns,
        CAST(max(bucket_end_ns) AS BIGINT) AS end_ns,
        count(*) OVER (PARTITION BY level) AS stretch_count
    FROM numbered_phases
    GROUP BY level, phase_path, stretch
)

SELECT level, phase_path, start_ns, end_ns
FROM stretches
WHERE stretch_count <= $most
ORDER BY level, start_ns, phase_path
