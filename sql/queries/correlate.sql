-- What happened around a moment, the surest and nearest first.
SELECT
    evidence_id, kind, title, session_id, job_id, rank, world_size, start_ns, end_ns, source_path, source_kind, metadata,
    confidence, reasons
FROM correlation(
    CAST($anchor_ns AS BIGINT), CAST($window_ns AS BIGINT), session := CAST($anchor_session_id AS VARCHAR),
    job := CAST($anchor_job_id AS VARCHAR), rank_number := CAST($anchor_rank AS BIGINT), scope := CAST($scope AS VARCHAR)
)
WHERE (CAST($kinds AS VARCHAR[]) IS NULL OR list_contains(CAST($kinds AS VARCHAR[]), kind))
    AND (CAST($session_id AS VARCHAR) IS NULL OR session_id = CAST($session_id AS VARCHAR))
    AND (CAST($job_id AS VARCHAR) IS NULL OR job_id = CAST($job_id AS VARCHAR))
    AND (CAST($rank AS BIGINT) IS NULL OR rank IS NULL OR rank = CAST($rank AS BIGINT))
ORDER BY
    CASE confidence WHEN 'high' THEN 0 WHEN 'medium' THEN 1 ELSE 2 END, distance_ns, kind, title,
    CASE WHEN kind NOT IN ('telemetry_event', 'alert') THEN source_id END, coalesce(start_ns, end_ns), session_id, source_id, file_id, line_number, evidence_id
LIMIT CAST($limit AS BIGINT)
