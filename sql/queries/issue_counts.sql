-- How often each issue happened.
SELECT fingerprint_id, failure_count, run_count, session_count
FROM issue_counts
ORDER BY fingerprint_id
