-- Evidence of some issues ($fingerprint_ids), in order.
SELECT
    fingerprint_id, session_id, timestamp_ns, rank, source_path, source_kind, event_type, bundle_path, metadata
FROM issue_evidence
WHERE fingerprint_id IN (SELECT unnest(CAST($fingerprint_ids AS VARCHAR[])))
ORDER BY fingerprint_id, stage, sort_ns, sort_text, sort_file, sort_line
