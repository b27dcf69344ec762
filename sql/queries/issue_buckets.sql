-- Hits of issues over time.
--
-- $fingerprint_ids, $issues: parallel lists: fingerprints, and the number of the issue that each belongs to.
WITH wanted AS (
    SELECT
        unnest(CAST($fingerprint_ids AS VARCHAR[])) AS fingerprint_id,
        unnest(CAST($issues AS BIGINT[])) AS issue
)

SELECT w.issue, t.bucket_start_ns, t.bucket_end_ns, CAST(sum(t.hit_count) AS BIGINT) AS hit_count
FROM issue_trend AS t
INNER JOIN wanted AS w ON t.fingerprint_id = w.fingerprint_id
-- One wanted fingerprint is a constant here, so that the view is computed for it alone.
WHERE t.fingerprint_id BETWEEN list_min(CAST($fingerprint_ids AS VARCHAR[]))
    AND list_max(CAST($fingerprint_ids AS VARCHAR[]))
GROUP BY w.issue, t.bucket_start_ns, t.bucket_end_ns
ORDER BY w.issue, t.bucket_start_ns, t.bucket_end_ns
