-- How the hits of an issue spread: the five most frequent values of each field, with the totals of the field.
--
-- $fingerprint_ids: the fingerprints of the issue.
WITH value_counts AS (
    SELECT field, value, CAST(sum(hit_count) AS BIGINT) AS hit_count
    FROM issue_values
    WHERE fingerprint_id IN (SELECT unnest(CAST($fingerprint_ids AS VARCHAR[])))
    GROUP BY field, value
),

numbered_values AS (
    SELECT
        *,
        row_number() OVER (
            PARTITION BY field ORDER BY hit_count DESC, TRY_CAST(value AS BIGINT) NULLS LAST, value NULLS LAST
        ) AS position,
        CAST(sum(hit_count) OVER (PARTITION BY field) AS BIGINT) AS total_count,
        count(value) OVER (PARTITION BY field) AS value_count
    FROM value_counts
)

SELECT field, value, hit_count, total_count, value_count
FROM numbered_values
WHERE position <= 5
ORDER BY list_position(['rank', 'host', 'device', 'phase', 'version', 'job'], field), position
