-- Hits of each issue over time: 24 equal parts of the time between the first and the last hit of all issues.
--
-- Parts without a hit are there, with 0. Hits without a time are left out.
--
-- Columns:
--   fingerprint_id: id of the issue
--   bucket_start_ns: where the part begins, nanoseconds since the Unix epoch
--   bucket_end_ns: where it ends, nanoseconds since the Unix epoch; this instant belongs to the next part
--   hit_count: hits of the issue in the part
--
-- Reads: stage.hits
-- Needs: issues
-- Source: docs/concepts.md#how-hits-spread.
CREATE OR REPLACE VIEW issue_trend AS
WITH bounds AS (
    SELECT min(timestamp_ns) AS start_ns, CAST(max(timestamp_ns) AS HUGEINT) - min(timestamp_ns) + 1 AS length_ns
    FROM stage.hits
),

bucket_counts AS (
    SELECT
        h.fingerprint_id,
        CAST(h.timestamp_ns - b.start_ns AS HUGEINT) * 24 // b.length_ns AS bucket,
        count(*) AS hit_count
    FROM stage.hits AS h
    CROSS JOIN bounds AS b
    WHERE h.timestamp_ns IS NOT NULL
    GROUP BY h.fingerprint_id, bucket
),

issue_buckets AS (
    SELECT
        i.fingerprint_id,
        n.bucket,
        -- A part may end one past the last time that there is.
        CAST(least(b.start_ns + (n.bucket * b.length_ns + 23) // 24, 9223372036854775807) AS BIGINT) AS bucket_start_ns,
        CAST(least(b.start_ns + ((n.bucket + 1) * b.length_ns + 23) // 24, 9223372036854775807) AS BIGINT) AS bucket_end_ns
    FROM (SELECT DISTINCT fingerprint_id FROM bucket_counts) AS i
    CROSS JOIN (SELECT unnest(range(24)) AS bucket) AS n
    CROSS JOIN bounds AS b
)

SELECT
    i.fingerprint_id,
    i.bucket_start_ns,
    i.bucket_end_ns,
    coalesce(c.hit_count, 0) AS hit_count
FROM issue_buckets AS i
LEFT JOIN bucket_counts AS c ON i.fingerprint_id = c.fingerprint_id AND i.bucket = c.bucket;
