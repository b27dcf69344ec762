-- The latest OOM bundle of each issue; one with a message before those without.
--
-- $fingerprint_ids, $issues: parallel lists: fingerprints, and the number of the issue that each belongs to.
WITH wanted AS (
    SELECT
        unnest(CAST($fingerprint_ids AS VARCHAR[])) AS fingerprint_id,
        unnest(CAST($issues AS BIGINT[])) AS issue
),

issue_bundles AS (
    SELECT DISTINCT w.issue, e.bundle_path
    FROM issue_evidence AS e
    INNER JOIN wanted AS w ON e.fingerprint_id = w.fingerprint_id
    WHERE e.bundle_path IS NOT NULL
)

SELECT
    i.issue,
    b.bundle_path,
    b.exception_type,
    b.exception_message,
    b.requested_bytes,
    b.free_bytes,
    b.allocator_snapshot_path
FROM oom_bundles AS b
INNER JOIN issue_bundles AS i ON b.bundle_path = i.bundle_path
QUALIFY row_number() OVER (
    PARTITION BY i.issue ORDER BY b.exception_message IS NULL, b.created_at_ns DESC NULLS LAST, b.position DESC
) = 1
ORDER BY i.issue
