-- Findings of sessions of which no record is kept ($source_ids and $session_ids are parallel lists), one each.
WITH scope AS (
    SELECT
        unnest(CAST($source_ids AS INTEGER[])) AS source_id,
        unnest(CAST($session_ids AS VARCHAR[])) AS session_id
),

found AS (
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
FROM found AS f
LEFT JOIN raw.events AS r ON f.source_id = r.source_id AND f.session_id = r.session_id AND r.record IS NOT NULL
GROUP BY f.source_id, f.session_id, f.segment_path, f.line_number
HAVING count(r.line_number) = 0
ORDER BY f.source_id, f.session_id
