-- Issues, the worst and latest first. $override_ids and $override_states are parallel lists.
SELECT
    fingerprint_id, kind, state, severity, title, dimensions, hit_count, first_seen_ns, last_seen_ns,
    affected_sessions, details, bundle_details, session_id, timestamp_ns, rank, source_path, source_kind,
    event_type, bundle_path, metadata
FROM (
    SELECT i.*, coalesce(o.state, 'open') AS state
    FROM issues AS i
    LEFT JOIN (
        SELECT
            unnest(CAST($override_ids AS VARCHAR[])) AS fingerprint_id,
            unnest(CAST($override_states AS VARCHAR[])) AS state
    ) AS o ON i.fingerprint_id = o.fingerprint_id
)
WHERE (CAST($fingerprint_id AS VARCHAR) IS NULL OR issues.is_named(fingerprint_id, CAST($fingerprint_id AS VARCHAR)))
    AND (CAST($kind AS VARCHAR) IS NULL OR kind = CAST($kind AS VARCHAR))
    AND (CAST($state AS VARCHAR) IS NULL OR state = CAST($state AS VARCHAR))
    AND (CAST($severity AS VARCHAR) IS NULL OR severity = CAST($severity AS VARCHAR))
    AND (CAST($session_id AS VARCHAR) IS NULL OR list_contains(affected_sessions, CAST($session_id AS VARCHAR)))
ORDER BY severity_rank, coalesce(last_seen_ns, -1) DESC, fingerprint_id
