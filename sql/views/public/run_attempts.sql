-- Attempts of runs, one row each: how far they came, and whether they failed.
--
-- Columns:
--   run_id: id of the run
--   attempt: number of the attempt in the run, from 1
--   title: title of the run's envelope, NULL without one
--   source_ref: id of the run in another system, as the envelope says
--   job_id: distributed job, NULL when there is none
--   app: application, NULL when the telemetry does not say
--   world_size: number of ranks, NULL when unknown
--   code_version: version of the code, NULL when the telemetry does not say
--   start_ns: earliest start of a session, nanoseconds since the Unix epoch
--   last_ns: time of the newest record
--   failed_ns: time of the first failure, NULL where none failed
--   failed_count: number of ranks that failed
--   lost_count: number of ranks that are lost
--   is_overlapping: whether sessions of one rank overlap in time
--
-- Reads: failures, raw.run_envelopes, run_ranks, run_sessions
-- Needs: failures
-- Source: docs/concepts.md#runs.
CREATE OR REPLACE VIEW run_attempts AS
WITH session_totals AS (
    SELECT
        run_id,
        attempt,
        min(job_id) AS job_id,
        min(app) AS app,
        max(world_size) AS world_size,
        min(code_version) AS code_version
    FROM run_sessions
    GROUP BY run_id, attempt
),

rank_totals AS (
    SELECT
        run_id,
        attempt,
        min(start_ns) AS start_ns,
        max(last_ns) AS last_ns,
        count(*) FILTER (WHERE state = 'failed') AS failed_count,
        count(*) FILTER (WHERE state = 'lost') AS lost_count,
        bool_or(is_overlapping) AS is_overlapping
    FROM run_ranks
    GROUP BY run_id, attempt
)

SELECT
    t.run_id,
    t.attempt,
    e.title,
    e.source_ref,
    s.job_id,
    s.app,
    s.world_size,
    s.code_version,
    t.start_ns,
    t.last_ns,
    f.timestamp_ns AS failed_ns,
    -- A bundle may not say which rank it was that failed.
    greatest(t.failed_count, CASE WHEN f.position IS NULL THEN 0 ELSE 1 END) AS failed_count,
    t.lost_count,
    t.is_overlapping
FROM rank_totals AS t
INNER JOIN session_totals AS s ON t.run_id = s.run_id AND t.attempt = s.attempt
LEFT JOIN failures AS f ON t.run_id = f.run_id AND t.attempt = f.attempt AND f.position = 1
LEFT JOIN raw.run_envelopes AS e ON t.run_id = e.run_id;
