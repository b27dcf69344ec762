-- Sessions whose gap is large enough to look for findings, with the bounds that their sums will keep.
--
-- Materialised: yes
-- Reads: raw.pieces, stage.session_parts
-- Source: docs/concepts.md#hidden-memory.
CREATE OR REPLACE VIEW stage.gap_sessions_view AS
WITH bounds AS (
    SELECT
        p.source_id,
        s.session_id,
        CAST(sum(s.sample_count) AS BIGINT) AS sample_count,
        min(s.first_sample_ns) AS first_ns,
        max(s.last_sample_ns) AS last_ns,
        max(s.max_gap_bytes) AS max_gap_bytes,
        max(s.max_abs_gap_bytes) AS max_abs_gap_bytes,
        max(s.max_gap_ratio) AS max_gap_ratio,
        max(s.max_fragmentation_ratio) AS max_fragmentation_ratio
    FROM stage.session_parts AS s
    INNER JOIN raw.pieces AS p ON s.piece_id = p.piece_id
    GROUP BY p.source_id, s.session_id
),

spans AS (
    -- One period longer than the session: x is counted from the start of a period, which is before the first sample.
    SELECT *, CAST(sample_count AS DOUBLE) AS n, CAST(last_ns - first_ns AS DOUBLE) + 4398046511104 AS span_ns
    FROM bounds
    WHERE sample_count >= 3 AND max_gap_ratio >= 0.05
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
    -- Whether every sum of `stage.gap_moments` fits 38 digits. Python analyses the few sessions where one might not.
    max_abs_gap_bytes < 1125899906842624
    AND coalesce(max_fragmentation_ratio, 0) < 1000000
    AND n * span_ns * span_ns < 1e37
    AND n * max_abs_gap_bytes * max_abs_gap_bytes < 1e37
    AND n * max_abs_gap_bytes * span_ns < 1e37 AS is_exact
FROM spans;
