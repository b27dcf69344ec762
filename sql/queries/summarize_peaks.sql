-- The highest value of a counter, and when it was first, by group.
WITH readings AS (
    SELECT
        CASE WHEN $group_by IN ('session', 'session-rank') THEN session_id END AS session_id,
        CASE WHEN $group_by IN ('rank', 'session-rank') THEN rank END AS rank,
        CASE WHEN $group_by = 'status' THEN session_status END AS status,
        timestamp_ns,
        CASE $metric
            WHEN 'peak_allocator_allocated_bytes' THEN allocator_allocated_bytes
            WHEN 'peak_allocator_reserved_bytes' THEN allocator_reserved_bytes
            WHEN 'peak_device_used_bytes' THEN device_used_bytes
        END AS value
    FROM memory_readings
),

peaks AS (
    SELECT session_id, rank, status, max(value) AS value FROM readings WHERE value IS NOT NULL GROUP BY session_id, rank, status
)

SELECT
    CAST($metric AS VARCHAR) AS metric, CAST($group_by AS VARCHAR) AS group_by, p.session_id, p.rank, p.status, p.value,
    min(r.timestamp_ns) AS timestamp_ns
-- DuckDB holds the right side of a join in memory: there the few peaks stand, not all readings.
FROM readings AS r
INNER JOIN peaks AS p
    ON p.value = r.value AND p.session_id IS NOT DISTINCT FROM r.session_id AND p.rank IS NOT DISTINCT FROM r.rank
    AND p.status IS NOT DISTINCT FROM r.status
GROUP BY p.session_id, p.rank, p.status, p.value
-- Groups come in the order of their texts: rank 10 before rank 2.
ORDER BY concat(p.session_id, ''', ', p.rank), p.status
