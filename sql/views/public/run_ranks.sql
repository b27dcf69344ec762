-- How each rank of an attempt ended.
--
-- Columns:
--   run_id: run
--   attempt: number of the attempt in the run
--   rank: rank
--   session_id: its session; of several that overlap, the first
--   host: machine, NULL when unknown
--   state: failed, lost, ended or running
--   failed_ns: its failure, nanoseconds since the Unix epoch
--   start_ns: its first event, or the start that is listed
--   last_ns: its last event, or the end that is listed
--   event_count: number of events
--   is_overlapping: whether sessions of the rank overlap in time
--
-- A rank is lost if its telemetry ends without a stop event or a failure, by more than 10 seconds and 10 sampling
-- intervals before the first failure of the attempt (or before the newest record, where none failed), or if the list
-- of sessions of its sink calls it interrupted.
--
-- Reads: failures, run_sessions
-- Needs: issues, sessions
-- Source: docs/why.md#lost-ranks.
CREATE OR REPLACE VIEW run_ranks AS
WITH rank_totals AS (
    SELECT
        run_id,
        attempt,
        rank,
        arg_min(session_id, (start_ns, session_id)) AS session_id,
        min(host) AS host,
        bool_or(has_stop OR status = 'completed') AS has_end,
        bool_or(status = 'interrupted') AS is_interrupted,
        min(start_ns) AS start_ns,
        max(coalesce(last_event_ns, end_ns, start_ns)) AS last_ns,
        max(sampling_interval_ms) AS sampling_interval_ms,
        sum(event_count) AS event_count,
        bool_or(is_overlapping) AS is_overlapping
    FROM run_sessions
    GROUP BY run_id, attempt, rank
),

attempt_ends AS (
    SELECT t.run_id, t.attempt, coalesce(min(f.timestamp_ns), max(t.last_ns)) AS reference_ns
    FROM rank_totals AS t
    LEFT JOIN failures AS f ON t.run_id = f.run_id AND t.attempt = f.attempt AND f.position = 1
    GROUP BY t.run_id, t.attempt
)

SELECT
    t.run_id,
    t.attempt,
    t.rank,
    t.session_id,
    t.host,
    CASE
        WHEN f.position IS NOT NULL THEN 'failed'
        WHEN t.has_end THEN 'ended'
        WHEN t.is_interrupted
            OR e.reference_ns - t.last_ns
            > greatest(10000000000, 10 * 1000000 * coalesce(t.sampling_interval_ms, 0)) THEN 'lost'
        ELSE 'running'
    END AS state,
    f.timestamp_ns AS failed_ns,
    t.start_ns,
    t.last_ns,
    CAST(t.event_count AS BIGINT) AS event_count,
    t.is_overlapping
FROM rank_totals AS t
INNER JOIN attempt_ends AS e ON t.run_id = e.run_id AND t.attempt = e.attempt
LEFT JOIN failures AS f ON t.run_id = f.run_id AND t.attempt = f.attempt AND t.rank IS NOT DISTINCT FROM f.rank;
