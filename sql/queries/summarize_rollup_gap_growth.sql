-- How memory beyond that of the allocator grew from the first sample to the last, by rank, from rollups.
SELECT
    CAST($metric AS VARCHAR) AS metric, CAST($group_by AS VARCHAR) AS group_by,
    CASE WHEN $group_by = 'session-rank' THEN session_id END AS session_id, rank, CAST(NULL AS VARCHAR) AS status,
    delta_gap_bytes AS value, first_gap_bytes, latest_gap_bytes, peak_gap_bytes, sample_count
FROM rollup_ranks
WHERE delta_gap_bytes IS NOT NULL
-- Groups come in the order of their texts: rank 10 before rank 2.
ORDER BY concat(session_id, ''', ', rank), status
