-- How the ranks of runs failed; see view `failures`.
--
-- Materialised: yes
-- Reads: stage.rank_bundles, stage.rank_errors
-- Source: docs/why.md#failures.
CREATE OR REPLACE VIEW stage.rank_failures_view AS
WITH rank_choices AS (
    SELECT
        *,
        row_number() OVER (
            PARTITION BY run_id, attempt, rank, session_id
            ORDER BY
                CASE WHEN is_oom AND NOT survived THEN 0 WHEN NOT is_oom THEN 1 ELSE 2 END,
                timestamp_ns, file_id, line_number
        ) AS preference
    FROM stage.rank_errors
),

event_failures AS (
    SELECT * FROM rank_choices WHERE preference = 1
),

-- How far bundles are from the events of their session. A bundle names the whole second in which it was written.
bundle_distances AS (
    SELECT
        e.run_id,
        e.attempt,
        e.rank,
        e.session_id,
        b.bundle_path,
        b.rank IS DISTINCT FROM e.rank AS is_of_other_rank,
        greatest(b.created_at_ns - e.timestamp_ns, e.timestamp_ns - b.created_at_ns - 999999999, 0) AS distance_ns
    FROM event_failures AS e
    INNER JOIN stage.rank_bundles AS b
        ON e.run_id = b.run_id AND e.attempt = b.attempt AND e.session_id = b.session_id
),

-- The bundle that was written nearest to an event, within a minute; of its rank, where several share a session.
nearest_bundles AS (
    SELECT
        run_id,
        attempt,
        rank,
        session_id,
        arg_min(bundle_path, (is_of_other_rank, distance_ns, bundle_path)) AS bundle_path
    FROM bundle_distances
    WHERE distance_ns <= 60000000000
    GROUP BY run_id, attempt, rank, session_id
),

-- Bundles of ranks without an error event, but for those that tell of the event of another rank of their session.
bundle_choices AS (
    SELECT
        b.*,
        row_number() OVER (
            PARTITION BY b.run_id, b.attempt, b.rank, b.session_id ORDER BY b.created_at_ns, b.bundle_path
        ) AS preference
    FROM stage.rank_bundles AS b
    ANTI JOIN event_failures AS e
        ON b.run_id = e.run_id AND b.attempt = e.attempt AND b.session_id = e.session_id
        AND b.rank IS NOT DISTINCT FROM e.rank
    ANTI JOIN nearest_bundles AS n
        ON b.run_id = n.run_id AND b.attempt = n.attempt AND b.bundle_path = n.bundle_path
),

all_failures AS (
    SELECT
        e.run_id, e.attempt, e.rank, e.session_id, e.timestamp_ns, 'event' AS time_source,
        CASE WHEN e.is_oom THEN 'oom' ELSE 'error' END AS kind, e.survived, e.device_id, e.context, e.fingerprint_id,
        b.exception_type, b.exception_message, b.requested_bytes, b.free_bytes, b.bundle_path, e.segment_path,
        e.line_number, e.file_id
    FROM event_failures AS e
    LEFT JOIN nearest_bundles AS n
        ON e.run_id = n.run_id AND e.attempt = n.attempt AND e.rank = n.rank AND e.session_id = n.session_id
    LEFT JOIN stage.rank_bundles AS b
        ON n.bundle_path = b.bundle_path AND n.run_id = b.run_id AND n.attempt = b.attempt
    UNION ALL
    SELECT
        run_id, attempt, rank, session_id, created_at_ns AS timestamp_ns, 'bundle' AS time_source, 'oom' AS kind,
        false AS survived, NULL AS device_id, NULL AS context, fingerprint_id, exception_type, exception_message,
        requested_bytes, free_bytes, bundle_path, NULL AS segment_path, NULL AS line_number, NULL AS file_id
    FROM bundle_choices
    WHERE preference = 1
),

attempt_failures AS (
    SELECT
        *,
        bool_and(survived) OVER (PARTITION BY run_id, attempt) AS is_all_survived
    FROM all_failures
)

SELECT
    run_id,
    attempt,
    rank,
    row_number() OVER (
        PARTITION BY run_id, attempt ORDER BY time_source = 'bundle', timestamp_ns, rank, session_id
    ) AS position,
    session_id,
    timestamp_ns,
    time_source,
    kind,
    survived,
    device_id,
    context,
    fingerprint_id,
    exception_type,
    exception_message,
    requested_bytes,
    free_bytes,
    bundle_path,
    segment_path,
    line_number,
    file_id
FROM attempt_failures
WHERE NOT survived OR is_all_survived;
