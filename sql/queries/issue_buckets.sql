-- Hits of an issue over time.
--
-- $fingerprint_ids: the fingerprints of the issue.
SELECT bucket_start_ns, bucket_end_ns, CAST(sum(hit_count) AS BIGINT) AS hit_count
FROM issue_trend
WHERE fingerprint_id IN (SELECT unnest(CAST($fingerprint_ids AS VARCHAR[])))
GROUP BY bucket_start_ns, bucket_end_ns
ORDER BY bucket_start_ns
