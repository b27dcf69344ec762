-- Sessions whose gap is large enough to look for findings, with the bounds that their sums will keep.
--
-- Materialised: yes
-- Source: docs/concepts.md#hidden-memory.
CREATE OR REPLACE VIEW stage.gap_sessions_view AS
WITH bounds AS (
    SELECT
        source_id,
        session_id,
        count(*) AS sample_count,
        min(timestamp_ns) AS first_ns,
        max(timestamp_ns) AS last_ns,
        max(gap_bytes) AS max_gap_bytes,
        max(abs(gap_bytes)) AS max_abs_gap_bytes,
        max(abs(gap_bytes) / total_bytes) AS max_gap_ratio,
        max(CASE WHEN fragmented_bytes IS NOT NULL THEN fragmented_bytes / reserved_bytes END) AS max_fragmentation_ratio
    FROM stage.gap_samples
    GROUP BY source_id, session_id
)

SELECT
    source_id,
    session_id,
    sample_count,
    first_ns,
    last_ns,
    max_gap_bytes,
    max_gap_ratio,
    max_fragmentation_ratio,
    -- Whether every sum of the next step fits 38 digits; the few sessions that might not take another path.
    CAST(sample_count AS DOUBLE) * (last_ns - first_ns) * (last_ns - first_ns) < 1e37
    AND CAST(sample_count AS DOUBLE) * max_abs_gap_bytes * max_abs_gap_bytes < 1e37
    AND CAST(sample_count AS DOUBLE) * max_abs_gap_bytes * (last_ns - first_ns) < 1e37
    AND CAST(sample_count AS DOUBLE) * coalesce(max_fragmentation_ratio, 0) < 1e20 AS is_exact
FROM bounds
WHERE sample_count >= 3 AND max_gap_ratio >= 0.05;
