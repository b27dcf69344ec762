-- How memory beyond that of the allocator grew from the first sample to the last, by group.
WITH samples AS (
    SELECT
        CASE WHEN $group_by IN ('session', 'session-rank') THEN session_id END AS session_id,
        CASE WHEN $group_by IN ('rank', 'session-rank') THEN rank END AS rank,
        CASE WHEN $group_by = 'status' THEN session_status END AS status,
        sample_gap_bytes AS gap_bytes,
        (timestamp_ns, r.session_id, source_id, file_id, line_number) AS place
    FROM memory_readings AS r
    WHERE sample_gap_bytes IS NOT NULL
),

gaps AS (
    SELECT
        session_id,
        rank,
        status,
        arg_min(gap_bytes, place) AS first_gap_bytes,
        arg_max(gap_bytes, place) AS latest_gap_bytes,
        max(gap_bytes) AS peak_gap_bytes,
        count(*) AS sample_count
    FROM samples
    GROUP BY session_id, rank, status
)

SELECT
    CAST($metric AS VARCHAR) AS metric, CAST($group_by AS VARCHAR) AS group_by, session_id, rank, status,
    CAST(latest_gap_bytes AS HUGEINT) - first_gap_bytes AS value, first_gap_bytes, latest_gap_bytes, peak_gap_bytes,
    sample_count
FROM gaps
-- Groups come in the order of their texts: rank 10 before rank 2.
ORDER BY concat(session_id, ''', ', rank), status
