-- What a list shows of some issues ($fingerprint_ids) beside the columns of view issues: how often people count that they
-- happened, their hits over time in 24 parts, and whether all of their hits are of development.
WITH wanted AS (
    SELECT unnest(CAST($fingerprint_ids AS VARCHAR[])) AS fingerprint_id
),

trends AS (
    SELECT fingerprint_id, list(hit_count ORDER BY bucket_start_ns, bucket_end_ns) AS hit_counts
    FROM issue_trend
    WHERE fingerprint_id IN (SELECT fingerprint_id FROM wanted)
    GROUP BY fingerprint_id
),

places AS (
    SELECT fingerprint_id, bool_and(is_dev) AS is_dev
    FROM stage.hit_places
    WHERE fingerprint_id IN (SELECT fingerprint_id FROM wanted)
    GROUP BY fingerprint_id
)

SELECT
    w.fingerprint_id,
    c.failure_count,
    c.run_count,
    coalesce(t.hit_counts, []) AS hit_counts,
    coalesce(p.is_dev, false) AS is_dev
FROM wanted AS w
LEFT JOIN issue_counts AS c ON w.fingerprint_id = c.fingerprint_id
LEFT JOIN trends AS t ON w.fingerprint_id = t.fingerprint_id
LEFT JOIN places AS p ON w.fingerprint_id = p.fingerprint_id
ORDER BY w.fingerprint_id
