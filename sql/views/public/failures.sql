-- How the ranks of a run failed, one row per attempt and rank (and session, where sessions of a rank overlap).
--
-- A rank fails at its earliest OOM event that it did not survive, else at its earliest other error event. A rank whose
-- only sign is an OOM bundle fails too. OOM events that were survived are failures only where no rank of the attempt
-- has another one.
--
-- Columns:
--   run_id: id of the run
--   attempt: number of the attempt in the run
--   rank: rank that failed, NULL where a bundle does not say which
--   position: order of the failures in the attempt, from 1: events by time, then bundles by time
--   session_id: session that failed
--   timestamp_ns: when, nanoseconds since the Unix epoch
--   time_source: event, or bundle where the time has whole seconds only
--   kind: oom or error
--   survived: whether the rank went on for long after it
--   device_id: device index, NULL when unknown
--   context: text of the event
--   fingerprint_id: issue that the failure is a hit of
--   exception_type: class of the exception, as the bundle nearest in time says
--   exception_message: its message, as that bundle says
--   requested_bytes: bytes that the failed allocation asked for, as the message says
--   free_bytes: bytes that were free then, as the message says
--   bundle_path: that bundle, NULL when none was written within a minute
--   segment_path: file that holds the event, NULL for bundles
--   line_number: line in that file
--   file_id: number of that file
--
-- Reads: stage.rank_failures
-- Needs: failures
-- Source: docs/why.md#failures.
CREATE OR REPLACE VIEW failures AS
SELECT
    run_id,
    attempt,
    rank,
    position,
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
FROM stage.rank_failures;
