-- Exact sums over the gaps of a session; integers, so that neither threads nor order change them.
--
-- x is nanoseconds since the session's first sample, y the gap in bytes.
--
-- Materialised: yes
-- Reads: raw.pieces, stage.gap_scope, stage.gap_sessions, stage.session_parts
-- Source: docs/concepts.md#hidden-memory.
CREATE OR REPLACE VIEW stage.gap_moments_view AS
WITH part_sums AS (
    -- `d` is the time from the first sample of the session to the start of the period: added to x, it moves the sums.
    SELECT
        p.source_id,
        s.session_id,
        CAST(s.period * 4398046511104 - g.first_ns AS DECIMAL(38, 0)) AS d,
        CAST(s.sample_count AS DECIMAL(38, 0)) AS n,
        s.sum_x,
        s.sum_xx,
        s.sum_y,
        s.sum_yy,
        s.sum_xy,
        s.ratio_count,
        s.ratio_sum
    FROM stage.session_parts AS s
    INNER JOIN raw.pieces AS p ON s.piece_id = p.piece_id
    INNER JOIN stage.gap_sessions AS g ON p.source_id = g.source_id AND s.session_id = g.session_id
    INNER JOIN stage.gap_scope AS o ON p.source_id = o.source_id AND s.session_id = o.session_id
    WHERE g.is_exact AND s.sample_count > 0
)

SELECT
    source_id,
    session_id,
    CAST(sum(n) AS BIGINT) AS sample_count,
    sum(sum_x + n * d) AS sum_x,
    sum(sum_xx + d * sum_x + d * sum_x + n * d * d) AS sum_xx,
    sum(sum_y) AS sum_y,
    sum(sum_yy) AS sum_yy,
    sum(sum_xy + d * sum_y) AS sum_xy,
    CAST(sum(ratio_count) AS BIGINT) AS ratio_count,
    sum(ratio_sum) AS ratio_sum
FROM part_sums
GROUP BY source_id, session_id;
