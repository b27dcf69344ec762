-- Alerts, or changes of a collector's health, by group, from rollups.
WITH counts AS (
    SELECT
        CASE WHEN $group_by = 'session' THEN session_id END AS session_id,
        CASE WHEN $group_by = 'status' THEN status END AS status,
        CASE $metric WHEN 'alert_count' THEN alert_count ELSE transition_count END AS value
    FROM rollup_sessions
)

SELECT
    CAST($metric AS VARCHAR) AS metric, CAST($group_by AS VARCHAR) AS group_by, session_id, CAST(NULL AS BIGINT) AS rank, status,
    CAST(sum(value) AS BIGINT) AS value
FROM counts
WHERE value > 0
GROUP BY session_id, status
-- Groups come in the order of their texts: rank 10 before rank 2.
ORDER BY concat(session_id, ''', ', rank), status
