-- How the hits of issues spread: the five most frequent values of each field, with the totals of the field.
--
-- $fingerprint_ids, $issues: parallel lists: fingerprints, and the number of the issue that each belongs to.
WITH wanted AS (
    SELECT
        unnest(CAST($fingerprint_ids AS VARCHAR[])) AS fingerprint_id,
        unnest(CAST($issues AS BIGINT[])) AS issue
),

value_counts AS (
    SELECT w.issue, v.field, v.value, CAST(sum(v.hit_count) AS BIGINT) AS hit_count
    FROM issue_values AS v
    INNER JOIN wanted AS w ON v.fingerprint_id = w.fingerprint_id
    -- One wanted fingerprint is a constant here, so that the view is computed for it alone.
    WHERE v.fingerprint_id BETWEEN list_min(CAST($fingerprint_ids AS VARCHAR[]))
        AND list_max(CAST($fingerprint_ids AS VARCHAR[]))
    GROUP BY w.issue, v.field, v.value
),

numbered_values AS (
    SELECT
        *,
        row_number() OVER (
            PARTITION BY issue, field
            ORDER BY hit_count DESC, TRY_CAST(value AS BIGINT) NULLS LAST, value NULLS LAST
        ) AS position,
        CAST(sum(hit_count) OVER (PARTITION BY issue, field) AS BIGINT) AS total_count,
        count(value) OVER (PARTITION BY issue, field) AS value_count
    FROM value_counts
)

SELECT issue, field, value, hit_count, total_count, value_count
FROM numbered_values
WHERE position <= 5
ORDER BY issue, list_position(['rank', 'host', 'device', 'phase', 'version', 'job'], field), position
