-- Landmarks of sessions, by time.
SELECT
    session_id, start_ns, end_ns, kind, source, severity, label, rank, local_rank, world_size, event_type, metadata
FROM timeline_markers
WHERE (CAST($session_id AS VARCHAR) IS NULL OR session_id = CAST($session_id AS VARCHAR))
    AND (CAST($rank AS BIGINT) IS NULL OR rank = CAST($rank AS BIGINT))
ORDER BY
    start_ns, coalesce(end_ns, start_ns), coalesce(rank, -1), kind, label, session_id, source_id, file_id, line_number,
    CAST(metadata AS VARCHAR)
