-- The latest OOM bundle of an issue; one with a message before those without.
--
-- $fingerprint_ids: the fingerprints of the issue.
SELECT b.bundle_path, b.exception_type, b.exception_message, b.requested_bytes, b.free_bytes
FROM oom_bundles AS b
SEMI JOIN issue_evidence AS e
    ON b.bundle_path = e.bundle_path AND e.fingerprint_id IN (SELECT unnest(CAST($fingerprint_ids AS VARCHAR[])))
ORDER BY b.exception_message IS NULL, b.created_at_ns DESC NULLS LAST, b.position DESC
LIMIT 1
