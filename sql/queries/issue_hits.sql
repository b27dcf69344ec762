-- Where hits of some issues ($fingerprint_ids) are recorded, the latest first; at most $limit.
SELECT
    coalesce(e.segment_path, e.bundle_path, e.source_path) AS path,
    CASE e.stage WHEN 1 THEN e.sort_line WHEN 2 THEN g.line_number END AS line_number,
    e.timestamp_ns,
    e.rank,
    e.session_id,
    e.event_type
FROM issue_evidence AS e
LEFT JOIN memory_gaps AS g ON e.stage = 2 AND e.sort_file = g.finding_number
WHERE e.fingerprint_id IN (SELECT unnest(CAST($fingerprint_ids AS VARCHAR[])))
ORDER BY
    e.timestamp_ns DESC NULLS LAST, e.stage DESC, e.sort_ns DESC, e.sort_text DESC, e.sort_file DESC, e.sort_line DESC
LIMIT CAST($limit AS BIGINT)
