-- Alerts, or changes of a collector's health, by group.
WITH counted_events AS (
    SELECT
        CASE WHEN $group_by IN ('session', 'session-rank') THEN session_id END AS session_id,
        CASE WHEN $group_by IN ('rank', 'session-rank') THEN rank END AS rank,
        CASE WHEN $group_by = 'status' THEN session_status END AS status
    FROM memory_readings
    WHERE CASE $metric WHEN 'alert_count' THEN is_alert ELSE is_transition END
)

SELECT
    CAST($metric AS VARCHAR) AS metric, CAST($group_by AS VARCHAR) AS group_by, session_id, rank, status,
    count(*) AS value
FROM counted_events
GROUP BY session_id, rank, status
-- Groups come in the order of their texts: rank 10 before rank 2.
ORDER BY concat(session_id, ''', ', rank), status
