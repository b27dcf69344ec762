-- Every session in every file: what it is known by, and whether it has ended.
SELECT
    p.file_id,
    p.source_id,
    s.session_id,
    l.status,
    max(s.stopped_ns) IS NOT NULL AS has_stop,
    CAST(sum(s.event_count) AS BIGINT) AS event_count
FROM stage.session_parts AS s
INNER JOIN raw.pieces AS p ON s.piece_id = p.piece_id
INNER JOIN stage.loaded_sessions AS l ON p.source_id = l.source_id AND s.session_id = l.session_id
GROUP BY p.file_id, p.source_id, s.session_id, l.status
ORDER BY p.file_id, s.session_id
