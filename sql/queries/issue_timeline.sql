-- Memory of a device around a moment: each counter in equal parts of the time.
--
-- The time is that of the samples in the window, and of the moment. Parts without a sample are left out, and so are
-- counters that no sample of a part knows.
-- $session_id, $rank, $device_id: the device. $time_ns: the moment. $before_ns, $after_ns: the window round it.
-- $bucket_count: number of parts.
WITH samples AS (
    SELECT
        timestamp_ns,
        file_id,
        line_number,
        allocator_allocated_bytes AS allocated_bytes,
        allocator_reserved_bytes AS reserved_bytes,
        device_used_bytes AS used_bytes,
        device_total_bytes AS total_bytes
    FROM raw.events
    WHERE session_id = CAST($session_id AS VARCHAR)
        AND rank = CAST($rank AS BIGINT)
        AND coalesce(device_id, -1) = CAST($device_id AS BIGINT)
        AND telemetry.is_sample(event_type)
        AND timestamp_ns BETWEEN CAST($time_ns AS HUGEINT) - CAST($before_ns AS BIGINT)
            AND CAST($time_ns AS HUGEINT) + CAST($after_ns AS BIGINT)
),

bounds AS (
    SELECT
        CAST(least(min(timestamp_ns), CAST($time_ns AS BIGINT)) AS HUGEINT) AS start_ns,
        greatest(max(timestamp_ns), CAST($time_ns AS BIGINT)) - CAST(
            least(min(timestamp_ns), CAST($time_ns AS BIGINT)) AS HUGEINT
        ) + 1 AS length_ns,
        max(total_bytes) AS total_bytes
    FROM samples
),

numbered_samples AS (
    SELECT
        s.* EXCLUDE (total_bytes),
        (s.timestamp_ns - b.start_ns) * CAST($bucket_count AS BIGINT) // b.length_ns AS bucket
    FROM samples AS s
    CROSS JOIN bounds AS b
),

parts AS (
    SELECT
        bucket,
        {
            'sample_count': count(allocated_bytes),
            'first_bytes': arg_min(allocated_bytes, (timestamp_ns, file_id, line_number)),
            'last_bytes': arg_max(allocated_bytes, (timestamp_ns, file_id, line_number)),
            'min_bytes': min(allocated_bytes),
            'max_bytes': max(allocated_bytes)
        } AS allocated,
        {
            'sample_count': count(reserved_bytes),
            'first_bytes': arg_min(reserved_bytes, (timestamp_ns, file_id, line_number)),
            'last_bytes': arg_max(reserved_bytes, (timestamp_ns, file_id, line_number)),
            'min_bytes': min(reserved_bytes),
            'max_bytes': max(reserved_bytes)
        } AS reserved,
        {
            'sample_count': count(used_bytes),
            'first_bytes': arg_min(used_bytes, (timestamp_ns, file_id, line_number)),
            'last_bytes': arg_max(used_bytes, (timestamp_ns, file_id, line_number)),
            'min_bytes': min(used_bytes),
            'max_bytes': max(used_bytes)
        } AS used
    FROM numbered_samples
    GROUP BY bucket
),

counters AS (
    SELECT
        bucket,
        unnest(['allocated', 'reserved', 'used']) AS counter,
        unnest([allocated, reserved, used]) AS summary
    FROM parts
)

SELECT
    c.counter,
    CAST(b.start_ns + (c.bucket * b.length_ns + n.bucket_count - 1) // n.bucket_count AS BIGINT) AS bucket_start_ns,
    CAST(b.start_ns + ((c.bucket + 1) * b.length_ns + n.bucket_count - 1) // n.bucket_count AS BIGINT) AS bucket_end_ns,
    c.summary.first_bytes AS first_bytes,
    c.summary.last_bytes AS last_bytes,
    c.summary.min_bytes AS min_bytes,
    c.summary.max_bytes AS max_bytes,
    c.summary.sample_count AS sample_count,
    CAST(b.start_ns AS BIGINT) AS start_ns,
    CAST(b.start_ns + b.length_ns - 1 AS BIGINT) AS end_ns,
    b.total_bytes
FROM counters AS c
CROSS JOIN bounds AS b
CROSS JOIN (SELECT CAST($bucket_count AS BIGINT) AS bucket_count) AS n
WHERE c.summary.sample_count > 0
ORDER BY c.counter, c.bucket
