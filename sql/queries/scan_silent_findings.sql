-- Findings of sessions of which no record that may describe them is kept ($source_ids and $session_ids are parallel lists), one each.
WITH scope AS (
    SELECT
        unnest(CAST($source_ids AS INTEGER[])) AS source_id,
        unnest(CAST($session_ids AS VARCHAR[])) AS session_id
),

finding_places AS (
    SELECT
        g.source_id,
        g.session_id,
        min(g.segment_path) AS segment_path,
        arg_min(g.line_number, g.segment_path) AS line_number
    FROM memory_gaps AS g
    INNER JOIN scope AS s ON g.source_id = s.source_id AND g.session_id = s.session_id
    GROUP BY g.source_id, g.session_id
)

SELECT f.source_id, f.session_id, f.segment_path, f.line_number
FROM finding_places AS f
WHERE NOT EXISTS (
    SELECT 1
    FROM raw.kept_records AS r
    INNER JOIN raw.pieces AS p ON r.piece_id = p.piece_id
    WHERE p.source_id = f.source_id AND r.session_id = f.session_id AND r.record IS NOT NULL
        AND telemetry.may_describe_session(r.event_type, r.severity, r.collector_health_status)
)
ORDER BY f.source_id, f.session_id
