-- Memory of the ranks of an attempt over time, in equal parts of the time between their samples.
--
-- The parts are those of memory_timeline, the same for all series. A series is a session, rank and device. Up to
-- $most_lines series have rows of their own. If there are more, only those of the shown session have, and the rows
-- without a session hold for each part the least and the greatest bytes of all series, and the median of their last
-- ones. Used memory is shown, or allocated memory where none is known; of a single series all three counters are.
--
-- $run_id, $attempt: the attempt. $session_id: only this session of it, or NULL. $buckets: number of parts.
-- $most_lines: see above. $shown_session_id: a session, or NULL.
WITH samples AS (
    SELECT
        a.session_id,
        a.rank,
        a.device_id,
        a.timestamp_ns,
        a.file_id,
        a.line_number,
        a.used_bytes,
        a.allocated_bytes,
        a.allocated_bytes + a.reserved_unused_bytes AS reserved_bytes,
        a.total_bytes
    FROM memory_account AS a
    INNER JOIN run_sessions AS s ON a.session_id = s.session_id AND a.rank = s.rank
    WHERE s.run_id = $run_id AND s.attempt = $attempt AND a.is_sample
        AND (CAST($session_id AS VARCHAR) IS NULL OR s.session_id = CAST($session_id AS VARCHAR))
),

bounds AS (
    SELECT
        min(timestamp_ns) AS start_ns,
        CAST(max(timestamp_ns) AS HUGEINT) - min(timestamp_ns) + 1 AS length_ns,
        CAST($buckets AS HUGEINT) AS bucket_count,
        count(DISTINCT (session_id, rank, device_id)) AS series_count,
        count(used_bytes) > 0 AS is_use_known,
        CASE WHEN min(total_bytes) = max(total_bytes) THEN max(total_bytes) END AS size_bytes
    FROM samples
),

counters AS (
    SELECT unnest(
        CASE
            WHEN series_count = 1 THEN ['used', 'reserved', 'allocated']
            WHEN is_use_known THEN ['used']
            ELSE ['allocated']
        END
    ) AS counter
    FROM bounds
),

values_of_counters AS (
    SELECT
        s.session_id,
        s.rank,
        s.device_id,
        c.counter,
        (s.timestamp_ns - b.start_ns) * b.bucket_count // b.length_ns AS bucket,
        (s.timestamp_ns, s.file_id, s.line_number) AS position,
        CASE c.counter WHEN 'used' THEN s.used_bytes WHEN 'reserved' THEN s.reserved_bytes ELSE s.allocated_bytes END
            AS bytes
    FROM samples AS s
    CROSS JOIN bounds AS b
    CROSS JOIN counters AS c
),

series_parts AS (
    SELECT
        session_id,
        rank,
        device_id,
        counter,
        bucket,
        arg_min(bytes, position) AS first_bytes,
        arg_max(bytes, position) AS last_bytes,
        min(bytes) AS min_bytes,
        max(bytes) AS max_bytes,
        count(*) AS sample_count
    FROM values_of_counters
    WHERE bytes IS NOT NULL
    GROUP BY session_id, rank, device_id, counter, bucket
),

all_parts AS (
    SELECT p.*
    FROM series_parts AS p
    CROSS JOIN bounds AS b
    WHERE b.series_count <= $most_lines OR p.session_id = CAST($shown_session_id AS VARCHAR)
    UNION ALL
    SELECT
        NULL AS session_id,
        NULL AS rank,
        NULL AS device_id,
        p.counter,
        p.bucket,
        quantile_disc(p.last_bytes, 0.5) AS first_bytes,
        quantile_disc(p.last_bytes, 0.5) AS last_bytes,
        min(p.min_bytes) AS min_bytes,
        max(p.max_bytes) AS max_bytes,
        CAST(sum(p.sample_count) AS BIGINT) AS sample_count
    FROM series_parts AS p
    CROSS JOIN bounds AS b
    WHERE b.series_count > $most_lines
    GROUP BY p.counter, p.bucket
)

SELECT
    p.session_id,
    p.rank,
    p.device_id,
    p.counter,
    CAST(b.start_ns + (p.bucket * b.length_ns + b.bucket_count - 1) // b.bucket_count AS BIGINT) AS bucket_start_ns,
    CAST(
        least(
            b.start_ns + ((p.bucket + 1) * b.length_ns + b.bucket_count - 1) // b.bucket_count,
            b.start_ns + b.length_ns - 1
        ) AS BIGINT
    ) AS bucket_end_ns,
    p.first_bytes,
    p.last_bytes,
    p.min_bytes,
    p.max_bytes,
    b.size_bytes,
    b.series_count,
    p.sample_count
FROM all_parts AS p
CROSS JOIN bounds AS b
ORDER BY p.rank NULLS FIRST, p.device_id, p.session_id, p.counter, p.bucket
