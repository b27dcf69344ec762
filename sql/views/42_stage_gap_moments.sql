-- Exact sums over the gaps of a session; integers, so that neither threads nor order change them.
--
-- x is nanoseconds since the session's first sample, y the gap in bytes.
--
-- Materialised: yes
-- Source: docs/concepts.md#hidden-memory.
CREATE OR REPLACE VIEW stage.gap_moments_view AS
SELECT
    s.source_id,
    s.session_id,
    count(*) AS sample_count,
    sum(CAST(s.timestamp_ns - g.first_ns AS DECIMAL(38, 0))) AS sum_x,
    sum(CAST(s.timestamp_ns - g.first_ns AS DECIMAL(38, 0)) * CAST(s.timestamp_ns - g.first_ns AS DECIMAL(38, 0))) AS sum_xx,
    sum(CAST(s.gap_bytes AS DECIMAL(38, 0))) AS sum_y,
    sum(CAST(s.gap_bytes AS DECIMAL(38, 0)) * CAST(s.gap_bytes AS DECIMAL(38, 0))) AS sum_yy,
    sum(CAST(s.timestamp_ns - g.first_ns AS DECIMAL(38, 0)) * CAST(s.gap_bytes AS DECIMAL(38, 0))) AS sum_xy,
    count(s.fragmented_bytes) AS ratio_count,
    sum(CASE WHEN s.fragmented_bytes IS NOT NULL THEN prim.scaled_ratio(s.fragmented_bytes, s.reserved_bytes) END) AS ratio_sum
FROM stage.gap_samples AS s
INNER JOIN stage.gap_sessions AS g ON s.source_id = g.source_id AND s.session_id = g.session_id
WHERE g.is_exact
GROUP BY s.source_id, s.session_id;
