-- Issues, the worst and latest first. $override_ids and $override_states are parallel lists; other lists mean any of
-- their values. Where `conditions` stands, stormlog/query/statements.py puts those of places and texts, if any are asked for.
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
WHERE (
        CAST($fingerprint_id AS VARCHAR[]) IS NULL
        OR len(
            list_filter(
                CAST($fingerprint_id AS VARCHAR[]), lambda name: issues.is_named(fingerprint_id, name)
            )
        ) > 0
    )
    AND (CAST($kind AS VARCHAR[]) IS NULL OR list_contains(CAST($kind AS VARCHAR[]), kind))
    AND (CAST($state AS VARCHAR[]) IS NULL OR list_contains(CAST($state AS VARCHAR[]), state))
    AND (CAST($severity AS VARCHAR[]) IS NULL OR list_contains(CAST($severity AS VARCHAR[]), severity))
    AND (
        CAST($session_id AS VARCHAR[]) IS NULL
        OR list_has_any(CAST($session_id AS VARCHAR[]), coalesce(affected_sessions, []))
    )
    AND (NOT CAST($hide_ignored AS BOOLEAN) OR state <> 'ignored')
    /* conditions */
ORDER BY severity_rank, coalesce(last_seen_ns, -1) DESC, fingerprint_id
LIMIT CAST($limit AS BIGINT) OFFSET CAST($offset AS BIGINT)
