-- What is known of some fingerprints, the one with the earliest evidence first, and how many sessions have hits of any.
--
-- $fingerprint_ids: the fingerprints of one issue.
SELECT
    i.fingerprint_id,
    i.kind,
    i.severity,
    i.title,
    i.dimensions,
    i.hit_count,
    i.first_seen_ns,
    i.last_seen_ns,
    i.details,
    i.bundle_details,
    i.bundle_path,
    (
        SELECT count(DISTINCT sessions.session_id)
        FROM (
            SELECT unnest(s.affected_sessions) AS session_id
            FROM issues AS s
            WHERE s.fingerprint_id IN (SELECT unnest(CAST($fingerprint_ids AS VARCHAR[])))
        ) AS sessions
    ) AS session_count
FROM issues AS i
WHERE i.fingerprint_id IN (SELECT unnest(CAST($fingerprint_ids AS VARCHAR[])))
ORDER BY i.severity_rank, i.first_seen_ns NULLS LAST, i.fingerprint_id
