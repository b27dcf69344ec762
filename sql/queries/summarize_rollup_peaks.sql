-- The highest value of a counter, and when it was first, by group, from rollups.
WITH counters AS (
    SELECT
        s.session_id, CAST(NULL AS BIGINT) AS rank, s.status, s.peak_allocated_bytes, s.peak_allocated_ns, s.peak_reserved_bytes,
        s.peak_reserved_ns, s.peak_used_bytes, s.peak_used_ns
    FROM rollup_sessions AS s
    WHERE $group_by IN ('session', 'status')
    UNION ALL
    SELECT
        r.session_id, r.rank, NULL AS status, r.peak_allocated_bytes, r.peak_allocated_ns, r.peak_reserved_bytes,
        r.peak_reserved_ns, r.peak_used_bytes, r.peak_used_ns
    FROM rollup_ranks AS r
    WHERE $group_by IN ('rank', 'session-rank')
),

readings AS (
    SELECT
        CASE WHEN $group_by IN ('session', 'session-rank') THEN session_id END AS session_id,
        CASE WHEN $group_by IN ('rank', 'session-rank') THEN rank END AS rank,
        CASE WHEN $group_by = 'status' THEN status END AS status,
        CASE $metric
            WHEN 'peak_allocator_allocated_bytes' THEN peak_allocated_bytes
            WHEN 'peak_allocator_reserved_bytes' THEN peak_reserved_bytes
            WHEN 'peak_device_used_bytes' THEN peak_used_bytes
        END AS value,
        CASE $metric
            WHEN 'peak_allocator_allocated_bytes' THEN peak_allocated_ns
            WHEN 'peak_allocator_reserved_bytes' THEN peak_reserved_ns
            WHEN 'peak_device_used_bytes' THEN peak_used_ns
        END AS timestamp_ns
    FROM counters
)

SELECT
    CAST($metric AS VARCHAR) AS metric, CAST($group_by AS VARCHAR) AS group_by, session_id, rank, status,
    max(value) AS value, arg_min(timestamp_ns, (-value, timestamp_ns)) AS timestamp_ns
FROM readings
WHERE value IS NOT NULL
GROUP BY session_id, rank, status
-- Groups come in the order of their texts: rank 10 before rank 2.
ORDER BY concat(session_id, ''', ', rank), status
