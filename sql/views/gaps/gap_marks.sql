-- The samples that findings point to: first, last, largest gap and largest fragmentation of a session.
--
-- Reads: stage.gap_samples, stage.gap_scope, stage.gap_sessions
-- Source: docs/concepts.md#hidden-memory.
CREATE OR REPLACE VIEW stage.gap_marks AS
WITH extreme_samples AS MATERIALIZED (
    SELECT
        s.source_id,
        s.session_id,
        s.file_id,
        s.line_number,
        s.timestamp_ns,
        s.gap_bytes,
        s.timestamp_ns = g.first_ns AS is_first,
        s.timestamp_ns = g.last_ns AS is_last,
        s.gap_bytes = g.max_gap_bytes AS is_largest,
        coalesce(s.fragmented_bytes / s.reserved_bytes = g.max_fragmentation_ratio, false) AS is_most_fragmented
    FROM stage.gap_samples AS s
    INNER JOIN stage.gap_sessions AS g ON s.source_id = g.source_id AND s.session_id = g.session_id
    INNER JOIN stage.gap_scope AS o ON s.source_id = o.source_id AND s.session_id = o.session_id
    WHERE g.is_exact
        AND (
            s.timestamp_ns = g.first_ns
            OR s.timestamp_ns = g.last_ns
            OR s.gap_bytes = g.max_gap_bytes
            OR s.fragmented_bytes / s.reserved_bytes = g.max_fragmentation_ratio
        )
),

mark_candidates AS (
    SELECT 'first' AS mark, 1 AS direction, * FROM extreme_samples WHERE is_first
    UNION ALL
    SELECT 'last' AS mark, -1 AS direction, * FROM extreme_samples WHERE is_last
    UNION ALL
    SELECT 'transient_spike' AS mark, 1 AS direction, * FROM extreme_samples WHERE is_largest
    UNION ALL
    SELECT 'fragmentation_like' AS mark, 1 AS direction, * FROM extreme_samples WHERE is_most_fragmented
),

candidate_positions AS (
    SELECT
        *,
        row_number() OVER (
            PARTITION BY source_id, session_id, mark
            ORDER BY direction * timestamp_ns, direction * file_id, direction * line_number
        ) AS position
    FROM mark_candidates
)

SELECT
    source_id,
    session_id,
    mark,
    file_id,
    line_number,
    timestamp_ns,
    gap_bytes
FROM candidate_positions
WHERE position = 1;
