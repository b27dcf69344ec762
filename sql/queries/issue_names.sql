-- Fingerprints of all issues.
SELECT DISTINCT fingerprint_id
FROM issue_evidence
ORDER BY fingerprint_id
