-- Interrupted sessions with OOM bundles, the latest first.
SELECT
    CAST($metric AS VARCHAR) AS metric, CAST($group_by AS VARCHAR) AS group_by, session_id, NULL AS rank, status,
    oom_bundle_count AS value
FROM (
    SELECT
        *,
        row_number() OVER (
            PARTITION BY session_id, source_path, source_kind ORDER BY source_id, position
        ) AS occurrence
    FROM sessions
)
WHERE occurrence = 1 AND status = 'interrupted' AND oom_bundle_count > 0
ORDER BY started_at_ns DESC, session_id DESC, source_id, position
