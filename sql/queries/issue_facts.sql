-- What is known of the fingerprints of some issues, the most severe of an issue first, and how many sessions have hits
-- of any of its fingerprints.
--
-- $fingerprint_ids, $issues: parallel lists: fingerprints, and the number of the issue that each belongs to.
WITH wanted AS (
    SELECT
        unnest(CAST($fingerprint_ids AS VARCHAR[])) AS fingerprint_id,
        unnest(CAST($issues AS BIGINT[])) AS issue
),

fingerprints AS (
    SELECT w.issue, i.*
    FROM issues AS i
    INNER JOIN wanted AS w ON i.fingerprint_id = w.fingerprint_id
    -- One wanted fingerprint is a constant here, so that the view is computed for it alone.
    WHERE i.fingerprint_id BETWEEN list_min(CAST($fingerprint_ids AS VARCHAR[]))
        AND list_max(CAST($fingerprint_ids AS VARCHAR[]))
),

session_counts AS (
    SELECT s.issue, count(DISTINCT s.session_id) AS session_count
    FROM (SELECT issue, unnest(affected_sessions) AS session_id FROM fingerprints) AS s
    GROUP BY s.issue
)

SELECT
    f.issue,
    f.fingerprint_id,
    f.kind,
    f.severity,
    f.title,
    f.dimensions,
    f.hit_count,
    f.first_seen_ns,
    f.last_seen_ns,
    f.details,
    f.bundle_details,
    f.bundle_path,
    coalesce(c.session_count, 0) AS session_count
FROM fingerprints AS f
LEFT JOIN session_counts AS c ON f.issue = c.issue
ORDER BY f.issue, f.severity_rank, f.first_seen_ns NULLS LAST, f.fingerprint_id
