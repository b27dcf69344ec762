-- The latest alerts and troubles of collectors of some sessions, the latest first.
--
-- $session_ids: the sessions. $limit: at most so many.
SELECT
    h.timestamp_ns,
    h.session_id,
    h.rank,
    h.kind,
    h.severity,
    left(h.context, 1000) AS message,
    f.path AS segment_path,
    h.line_number
FROM stage.event_hits AS h
INNER JOIN raw.pieces AS p ON h.piece_id = p.piece_id
INNER JOIN raw.files AS f ON p.file_id = f.file_id
-- A collector says in each record that it is degraded: it is told once.
WHERE (h.kind = 'alert' OR h.event_type = 'collector_degraded')
    AND list_contains(CAST($session_ids AS VARCHAR[]), h.session_id)
ORDER BY h.timestamp_ns DESC, p.file_id DESC, h.line_number DESC
LIMIT CAST($limit AS BIGINT)
