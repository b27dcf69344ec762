-- Memory of a session over time: each counter of each rank and device in equal parts of the time between samples.
--
-- Parts without a sample are left out, and so are counters that no sample of a part knows.
--
-- Args:
--   session VARCHAR: id of the session
--   buckets BIGINT: number of parts, 1 or more
--
-- Columns:
--   rank: global rank, from 0
--   device_id: device index, -1 for no device
--   bucket: number of the part, from 0
--   bucket_start_ns: where the part begins, nanoseconds since the Unix epoch
--   bucket_end_ns: where it ends, nanoseconds since the Unix epoch; this instant belongs to the next part
--   sample_count: samples of the rank and device in the part that know the counter
--   counter: allocated, reserved, used, free or total
--   first_bytes: bytes at the first of these samples
--   last_bytes: bytes at the last of them
--   min_bytes: least bytes
--   max_bytes: most bytes
--   source_id: number of the source in the order of the catalog, from 0
--
-- Example: SELECT rank, bucket, max_bytes FROM memory_timeline((SELECT any_value(session_id) FROM sessions), 20)
--   WHERE counter = 'used'
--
-- Reads: raw.events
-- Calls: telemetry.counter_summary, telemetry.is_sample
-- Needs: files
-- Source: docs/concepts.md#memory-over-time.
CREATE OR REPLACE MACRO memory_timeline(session, buckets) AS TABLE
WITH arguments AS (
    SELECT
        CASE
            WHEN CAST(buckets AS BIGINT) >= 1 THEN CAST(buckets AS HUGEINT)
            ELSE CAST(error('memory_timeline: buckets has to be 1 or more') AS HUGEINT)
        END AS bucket_count
),

samples AS (
    SELECT
        source_id,
        rank,
        coalesce(device_id, -1) AS device_id,
        timestamp_ns,
        file_id,
        line_number,
        allocator_allocated_bytes AS allocated_bytes,
        allocator_reserved_bytes AS reserved_bytes,
        device_used_bytes AS used_bytes,
        coalesce(device_free_bytes, device_total_bytes - device_used_bytes) AS free_bytes,
        device_total_bytes AS total_bytes
    FROM raw.events
    WHERE session_id = CAST(session AS VARCHAR) AND telemetry.is_sample(event_type)
),

bounds AS (
    SELECT min(timestamp_ns) AS start_ns, CAST(max(timestamp_ns) AS HUGEINT) - min(timestamp_ns) + 1 AS length_ns
    FROM samples
),

numbered_samples AS (
    SELECT
        s.*,
        b.start_ns,
        b.length_ns,
        a.bucket_count,
        (s.timestamp_ns - b.start_ns) * a.bucket_count // b.length_ns AS bucket
    FROM samples AS s
    CROSS JOIN bounds AS b
    CROSS JOIN arguments AS a
),

parts AS (
    SELECT
        source_id,
        rank,
        device_id,
        bucket,
        CAST(any_value(start_ns + (bucket * length_ns + bucket_count - 1) // bucket_count) AS BIGINT)
            AS bucket_start_ns,
        -- The last part may end one past the last time that there is.
        CAST(
            least(
                any_value(start_ns + ((bucket + 1) * length_ns + bucket_count - 1) // bucket_count), 9223372036854775807
            ) AS BIGINT
        ) AS bucket_end_ns,
        telemetry.counter_summary(allocated_bytes, (timestamp_ns, file_id, line_number)) AS allocated,
        telemetry.counter_summary(reserved_bytes, (timestamp_ns, file_id, line_number)) AS reserved,
        telemetry.counter_summary(used_bytes, (timestamp_ns, file_id, line_number)) AS used,
        telemetry.counter_summary(free_bytes, (timestamp_ns, file_id, line_number)) AS free,
        telemetry.counter_summary(total_bytes, (timestamp_ns, file_id, line_number)) AS total
    FROM numbered_samples
    GROUP BY source_id, rank, device_id, bucket
),

counters AS (
    SELECT
        * EXCLUDE (allocated, reserved, used, free, total),
        unnest(['allocated', 'reserved', 'used', 'free', 'total']) AS counter,
        unnest([allocated, reserved, used, free, total]) AS summary
    FROM parts
)

SELECT
    rank,
    device_id,
    CAST(bucket AS BIGINT) AS bucket,
    bucket_start_ns,
    bucket_end_ns,
    summary.sample_count AS sample_count,
    counter,
    summary.first_bytes AS first_bytes,
    summary.last_bytes AS last_bytes,
    summary.min_bytes AS min_bytes,
    summary.max_bytes AS max_bytes,
    source_id
FROM counters
WHERE summary.sample_count > 0;
