-- Evidence of one issue ($fingerprint_id) or of all, in order.
SELECT
    fingerprint_id, session_id, timestamp_ns, rank, source_path, source_kind, event_type, bundle_path, metadata
FROM issue_evidence
WHERE CAST($fingerprint_id AS VARCHAR) IS NULL OR fingerprint_id = CAST($fingerprint_id AS VARCHAR)
ORDER BY fingerprint_id, stage, sort_ns, sort_text, sort_file, sort_line
