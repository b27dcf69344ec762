-- Sessions of runs by rank, with the attempt that each belongs to.
--
-- An attempt is the part of a run in which every rank has at most one session: a session of a rank that is in the
-- attempt already opens the next one, if it starts after the rank's session before it last wrote (without events: after
-- it ended). Two sessions of one rank that overlap in time stay in one attempt, and are marked.
--
-- Columns:
--   run_id: id of the run
--   attempt: number of the attempt in the run, from 1
--   session_id: id of the session
--   rank: rank that wrote it, NULL when unknown
--   host: machine, NULL when unknown
--   job_id: distributed job, NULL when there is none
--   world_size: number of ranks, NULL when unknown
--   code_version: version of the code, NULL when the telemetry does not say
--   app: application, NULL when the telemetry does not say
--   status: completed, interrupted, incomplete or running
--   start_ns: first event, else the start that is listed, nanoseconds since the Unix epoch
--   end_ns: last event, or the end that is listed where that is later
--   last_event_ns: time of the last event, NULL without events
--   event_count: number of events
--   has_stop: whether the rank wrote a stop event
--   fifth_last_enter_ns: when the fifth phase from the last was entered, NULL with fewer phases
--   sampling_interval_ms: interval between samples, milliseconds, NULL when unknown
--   is_overlapping: whether a session of the same rank in this attempt was still running when this one started
--   source_path: sink, file or bundle directory
--
-- Reads: stage.session_attempts
-- Needs: runs
-- Source: docs/concepts.md#runs.
CREATE OR REPLACE VIEW run_sessions AS
SELECT
    run_id,
    attempt,
    session_id,
    rank,
    host,
    job_id,
    world_size,
    code_version,
    app,
    status,
    start_ns,
    end_ns,
    last_event_ns,
    event_count,
    has_stop,
    fifth_last_enter_ns,
    sampling_interval_ms,
    is_overlapping,
    source_path
FROM stage.session_attempts;
