-- How each rank of an attempt ended.
--
-- Columns:
--   run_id: id of the run
--   attempt: number of the attempt in the run
--   rank: the rank, NULL when unknown
--   session_id: its session; where several overlap, there is a row for each
--   host: machine, NULL when unknown
--   status: status of the session: completed, interrupted, incomplete or running
--   state: failed, lost, ended or running
--   failed_ns: its failure, nanoseconds since the Unix epoch
--   start_ns: time of its first event, or the start that is listed
--   last_ns: time of its last event, or the end that is listed
--   event_count: number of events
--   is_overlapping: whether sessions of the rank overlap in time
--
-- A rank is lost if its telemetry ends without a stop event or a failure, by more than 10 seconds and 10 sampling
-- intervals before the first failure of the attempt (or before the newest record, where none failed), or if the list
-- of sessions of its sink calls it interrupted.
--
-- Reads: failures, run_sessions
-- Calls: telemetry.longest_silence_ns
-- Needs: failures
-- Source: docs/why.md#lost-ranks.
CREATE OR REPLACE VIEW run_ranks AS
WITH rank_ends AS (
    SELECT
        *,
        coalesce(last_event_ns, end_ns, start_ns) AS last_ns,
        telemetry.longest_silence_ns(sampling_interval_ms) AS longest_silence_ns
    FROM run_sessions
),

attempt_ends AS (
    SELECT
        s.run_id,
        s.attempt,
        coalesce(min(f.timestamp_ns), max(s.last_ns)) AS reference_ns
    FROM rank_ends AS s
    LEFT JOIN failures AS f ON s.run_id = f.run_id AND s.attempt = f.attempt AND f.position = 1
    GROUP BY s.run_id, s.attempt
)

SELECT
    s.run_id,
    s.attempt,
    s.rank,
    s.session_id,
    s.host,
    s.status,
    CASE
        WHEN f.position IS NOT NULL THEN 'failed'
        WHEN s.has_stop OR s.status = 'completed' THEN 'ended'
        WHEN s.status = 'interrupted' OR e.reference_ns - s.last_ns > s.longest_silence_ns THEN 'lost'
        ELSE 'running'
    END AS state,
    f.timestamp_ns AS failed_ns,
    s.start_ns,
    s.last_ns,
    s.event_count,
    s.is_overlapping
FROM rank_ends AS s
INNER JOIN attempt_ends AS e ON s.run_id = e.run_id AND s.attempt = e.attempt
LEFT JOIN failures AS f
    ON s.run_id = f.run_id AND s.attempt = f.attempt AND s.session_id = f.session_id
    AND s.rank IS NOT DISTINCT FROM f.rank;
