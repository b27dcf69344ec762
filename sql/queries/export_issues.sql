-- Issues with the state that lists of issues show. $override_ids and $override_states are parallel lists.
SELECT i.*, coalesce(o.state, 'open') AS state
FROM issues AS i
LEFT JOIN (
    SELECT
        unnest(CAST($override_ids AS VARCHAR[])) AS fingerprint_id,
        unnest(CAST($override_states AS VARCHAR[])) AS state
) AS o ON i.fingerprint_id = o.fingerprint_id
