-- How the memory of devices went over some time: the highest value of each part, and the change from its begin to its end.
--
-- $session_ids, $ranks, $device_ids, $counters, $starts_ns, $ends_ns: parallel lists: whose memory, which counter, and over
-- which time. $earliest_ns: the earliest of these starts. $parts: number of equal parts.
WITH series AS (
    SELECT
        unnest(CAST($session_ids AS VARCHAR[])) AS session_id,
        unnest(CAST($ranks AS BIGINT[])) AS rank,
        unnest(CAST($device_ids AS BIGINT[])) AS device_id,
        unnest(CAST($counters AS VARCHAR[])) AS counter,
        unnest(CAST($starts_ns AS BIGINT[])) AS start_ns,
        unnest(CAST($ends_ns AS BIGINT[])) AS end_ns
),

samples AS (
    SELECT
        s.session_id,
        s.rank,
        s.device_id,
        CAST((e.timestamp_ns - s.start_ns) * CAST($parts AS HUGEINT) // (s.end_ns - s.start_ns + 1) AS BIGINT) AS part,
        CASE s.counter
            WHEN 'used' THEN e.device_used_bytes
            WHEN 'reserved' THEN e.allocator_reserved_bytes
            ELSE e.allocator_allocated_bytes
        END AS bytes
    FROM raw.events AS e
    INNER JOIN series AS s
        ON e.session_id = s.session_id AND e.rank = s.rank AND coalesce(e.device_id, -1) = s.device_id
    WHERE e.timestamp_ns >= CAST($earliest_ns AS BIGINT) AND e.timestamp_ns BETWEEN s.start_ns AND s.end_ns
        AND telemetry.is_sample(e.event_type)
),

part_values AS (
    SELECT session_id, rank, device_id, part, max(bytes) AS bytes, count(bytes) AS value_count
    FROM samples
    GROUP BY session_id, rank, device_id, part
    HAVING count(bytes) > 0
),

known_parts AS (
    SELECT *, max(part) OVER series_parts - min(part) OVER series_parts + 1 AS length, min(part) OVER series_parts AS first_part
    FROM part_values
    WINDOW series_parts AS (PARTITION BY session_id, rank, device_id)
)

SELECT
    session_id,
    rank,
    device_id,
    list(part ORDER BY part) AS parts,
    list(bytes ORDER BY part) AS highest_bytes,
    -- The highest values count: memory goes up and down with every step. Few samples show no change.
    CASE
        WHEN sum(value_count) >= 4
            THEN max(bytes) FILTER (WHERE (part - first_part) * 4 >= length * 3)
                - max(bytes) FILTER (WHERE (part - first_part) * 4 < length)
    END AS change_bytes
FROM known_parts
GROUP BY session_id, rank, device_id
