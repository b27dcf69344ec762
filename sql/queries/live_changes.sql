-- What decides which sessions make which runs, and how their ranks ended: as long as it is the same, so are those.
--
-- $sessions: what is known of each session and rank, as JSON. $runs: the runs of the time before, as JSON: a rank may turn
-- out to survive its failure, and a session to go on beside the next one of its rank.
WITH rank_readings AS (
    SELECT unnest(
        from_json(
            $sessions,
            '[{
                "session_id": "VARCHAR", "rank": "BIGINT", "last_ns": "BIGINT", "stop_count": "BIGINT"
            }]'
        ),
        max_depth := 2
    )
),

rank_totals AS (
    SELECT
        session_id,
        rank,
        max(last_ns) AS last_ns,
        sum(stop_count) > 0 AS has_stop
    FROM rank_readings
    GROUP BY session_id, rank
),

run_ranks AS (
    SELECT unnest(
        from_json(
            $runs,
            '[{
                "run_id": "VARCHAR", "session_id": "VARCHAR", "rank": "BIGINT", "start_ns": "BIGINT",
                "failure_kind": "VARCHAR", "survived": "BOOLEAN"
            }]'
        ),
        max_depth := 2
    )
),

rank_orders AS (
    SELECT
        session_id,
        rank,
        failure_kind = 'oom' AND NOT survived AS may_survive,
        lead(start_ns) OVER (PARTITION BY run_id, rank ORDER BY start_ns, session_id) AS next_start_ns
    FROM run_ranks
)

SELECT
    'rank' AS kind,
    t.session_id AS name,
    t.rank AS number,
    concat_ws(
        ' ',
        t.has_stop,
        CASE WHEN o.may_survive THEN t.last_ns END,
        CASE WHEN o.next_start_ns IS NOT NULL THEN t.last_ns > o.next_start_ns END
    ) AS facts
FROM rank_totals AS t
LEFT JOIN rank_orders AS o ON t.session_id = o.session_id AND t.rank = o.rank
UNION ALL
-- As few rows as there are files and ranks with errors, whatever their number is.
SELECT 'error', h.session_id, h.rank, concat_ws(' ', f.path, count(*), bit_xor(hash(h.timestamp_ns, h.line_number)))
FROM stage.event_hits AS h
INNER JOIN raw.pieces AS p ON h.piece_id = p.piece_id
INNER JOIN raw.files AS f ON p.file_id = f.file_id
WHERE h.event_type = 'error'
GROUP BY h.session_id, h.rank, f.path
UNION ALL
SELECT 'session', session_id, source_id, concat_ws(' ', status, job_id, host, world_size) FROM raw.ledger_sessions
UNION ALL
SELECT 'bundle', bundle_path, rank, session_id FROM raw.oom_bundles
UNION ALL
SELECT 'run', run_id, position, job_id FROM raw.run_envelopes
UNION ALL
SELECT 'member', run_id, NULL, session_id FROM raw.envelope_sessions
ORDER BY ALL
