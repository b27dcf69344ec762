-- Sessions by status.
SELECT
    CAST($metric AS VARCHAR) AS metric, CAST($group_by AS VARCHAR) AS group_by, NULL AS session_id, NULL AS rank, status,
    count(DISTINCT (session_id, source_path, source_kind)) AS value
FROM sessions
GROUP BY status
ORDER BY status
