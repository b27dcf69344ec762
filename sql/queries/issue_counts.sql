-- How often each issue happened, or each of some ($fingerprint_ids).
SELECT fingerprint_id, failure_count, run_count, session_count
FROM issue_counts
WHERE CAST($fingerprint_ids AS VARCHAR[]) IS NULL
    OR list_contains(CAST($fingerprint_ids AS VARCHAR[]), fingerprint_id)
ORDER BY fingerprint_id
