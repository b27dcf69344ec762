-- Memory of some devices around a moment of each: each counter in equal parts of the time.
--
-- The time is that of the samples in the window, and of the moment. Parts without a sample are left out, and so are
-- counters that no sample of a part knows.
-- $issues, $session_ids, $ranks, $device_ids, $times_ns: parallel lists: a number, the device, and the moment.
-- $before_ns, $after_ns: the window round the moment. $bucket_count: number of parts.
WITH wanted AS (
    SELECT
        unnest(CAST($issues AS BIGINT[])) AS issue,
        unnest(CAST($session_ids AS VARCHAR[])) AS session_id,
        unnest(CAST($ranks AS BIGINT[])) AS rank,
        unnest(CAST($device_ids AS BIGINT[])) AS device_id,
        unnest(CAST($times_ns AS BIGINT[])) AS time_ns
),

samples AS (
    SELECT
        w.issue,
        w.time_ns,
        e.timestamp_ns,
        e.file_id,
        e.line_number,
        e.allocator_allocated_bytes AS allocated_bytes,
        e.allocator_reserved_bytes AS reserved_bytes,
        e.device_used_bytes AS used_bytes,
        e.device_total_bytes AS total_bytes
    FROM raw.events AS e
    INNER JOIN wanted AS w
        ON e.session_id = w.session_id AND e.rank = w.rank AND coalesce(e.device_id, -1) = w.device_id
    WHERE telemetry.is_sample(e.event_type)
        AND e.timestamp_ns BETWEEN CAST(w.time_ns AS HUGEINT) - CAST($before_ns AS BIGINT)
        AND CAST(w.time_ns AS HUGEINT) + CAST($after_ns AS BIGINT)
),

bounds AS (
    SELECT
        issue,
        CAST(least(min(timestamp_ns), any_value(time_ns)) AS HUGEINT) AS start_ns,
        greatest(max(timestamp_ns), any_value(time_ns))
        - CAST(least(min(timestamp_ns), any_value(time_ns)) AS HUGEINT) + 1 AS length_ns,
        max(total_bytes) AS total_bytes
    FROM samples
    GROUP BY issue
),

numbered_samples AS (
    SELECT
        s.* EXCLUDE (total_bytes),
        (s.timestamp_ns - b.start_ns) * CAST($bucket_count AS BIGINT) // b.length_ns AS bucket
    FROM samples AS s
    INNER JOIN bounds AS b ON s.issue = b.issue
),

parts AS (
    SELECT
        issue,
        bucket,
        telemetry.counter_summary(allocated_bytes, (timestamp_ns, file_id, line_number)) AS allocated,
        telemetry.counter_summary(reserved_bytes, (timestamp_ns, file_id, line_number)) AS reserved,
        telemetry.counter_summary(used_bytes, (timestamp_ns, file_id, line_number)) AS used
    FROM numbered_samples
    GROUP BY issue, bucket
),

counters AS (
    SELECT
        issue,
        bucket,
        unnest(['allocated', 'reserved', 'used']) AS counter,
        unnest([allocated, reserved, used]) AS summary
    FROM parts
)

SELECT
    c.issue,
    c.counter,
    CAST(b.start_ns + (c.bucket * b.length_ns + n.bucket_count - 1) // n.bucket_count AS BIGINT) AS bucket_start_ns,
    -- The last part may end one past the last time that there is.
    CAST(
        least(b.start_ns + ((c.bucket + 1) * b.length_ns + n.bucket_count - 1) // n.bucket_count, 9223372036854775807)
        AS BIGINT
    ) AS bucket_end_ns,
    c.summary.first_bytes AS first_bytes,
    c.summary.last_bytes AS last_bytes,
    c.summary.min_bytes AS min_bytes,
    c.summary.max_bytes AS max_bytes,
    c.summary.sample_count AS sample_count,
    CAST(b.start_ns AS BIGINT) AS start_ns,
    CAST(b.start_ns + b.length_ns - 1 AS BIGINT) AS end_ns,
    b.total_bytes
FROM counters AS c
INNER JOIN bounds AS b ON c.issue = b.issue
CROSS JOIN (SELECT CAST($bucket_count AS BIGINT) AS bucket_count) AS n
WHERE c.summary.sample_count > 0
ORDER BY c.issue, c.counter, c.bucket
