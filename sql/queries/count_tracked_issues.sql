-- How many issues of a tracker have a project, a kind, a severity and a status. Words of severity that are not among
-- the most frequent ones of their project count together.
WITH tracked_words AS (
    SELECT
        prim.cut_text(p.name, 100) AS project, i.kind, i.status, i.is_dev = 1 AS is_dev,
        issues.severity_rank(i.severity) AS severity_rank, prim.cut_text(i.severity, 100) AS severity
    FROM tracking.issues AS i
    INNER JOIN tracking.projects AS p ON i.project_id = p.project_id
),

kept_words AS (
    SELECT project, severity
    FROM tracked_words
    GROUP BY project, severity
    QUALIFY row_number() OVER (PARTITION BY project ORDER BY min(severity_rank), count(*) DESC, severity)
        <= CAST($most_severities AS BIGINT)
)

SELECT
    t.project,
    t.kind,
    CASE WHEN k.severity IS NULL THEN 'other' ELSE t.severity END AS severity,
    t.status,
    t.is_dev,
    count(*) AS issue_count
FROM tracked_words AS t
LEFT JOIN kept_words AS k ON t.project = k.project AND t.severity = k.severity
GROUP BY ALL
ORDER BY ALL
