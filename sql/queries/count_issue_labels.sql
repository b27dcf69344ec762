-- How many issues have a kind, a severity and a state. An event may name any word as its severity: words beyond the
-- most frequent ones count together, so that whoever writes telemetry cannot make rows without end. Before it,
-- stormlog/query/export_statements.py puts listed_issues, the rows of list_issues.
WITH issue_words AS (
    SELECT
        kind, state, hit_count, last_seen_ns, issues.severity_rank(severity) AS severity_rank,
        prim.cut_text(severity, 100) AS severity
    FROM listed_issues
),

kept_words AS (
    SELECT severity
    FROM issue_words
    GROUP BY severity
    ORDER BY min(severity_rank), count(*) DESC, severity
    LIMIT CAST($most_severities AS BIGINT)
)

SELECT
    kind,
    CASE WHEN severity IN (SELECT k.severity FROM kept_words AS k) THEN severity ELSE 'other' END AS severity,
    state,
    count(*) AS issue_count,
    CAST(sum(hit_count) AS BIGINT) AS hit_count,
    max(last_seen_ns) AS last_seen_ns
FROM issue_words
GROUP BY ALL
ORDER BY ALL
