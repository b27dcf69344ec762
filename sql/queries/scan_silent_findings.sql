-- Findings of sessions of which no record is kept ($source_ids and $session_ids are parallel lists), one each.
WITH scope AS (
    SELECT
        unnest(CAST($source_ids AS INTEGER[])) AS source_id,
        unnest(CAST($session_ids AS VARCHAR[])) AS session_id
)

SELECT g.source_id, g.session_id, min(g.segment_path) AS segment_path, arg_min(g.line_number, g.segment_path) AS line_number
FROM memory_gaps AS g
INNER JOIN scope AS s ON g.source_id = s.source_id AND g.session_id = s.session_id
WHERE (g.source_id, g.session_id) NOT IN (
        SELECT (r.source_id, r.session_id) FROM raw.events AS r WHERE r.record IS NOT NULL
    )
GROUP BY g.source_id, g.session_id
ORDER BY g.source_id, g.session_id
