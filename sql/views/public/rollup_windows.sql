-- Sums and peaks of equal parts of the time of sessions, as fresh rollups of their sinks give them. Parts without events are left out.
--
-- Columns:
--   session_id: id of the session
--   window_index: number of the part, from 0
--   start_ns: where it begins, nanoseconds since the Unix epoch
--   end_ns: where it ends, nanoseconds since the Unix epoch
--   event_count: number of events
--   sample_count: number of samples
--   rank_count: number of ranks with events
--   peak_allocated_bytes: most bytes handed out by the allocator, NULL when unknown
--   peak_allocated_ns: when that was first, nanoseconds since the Unix epoch, NULL when unknown
--   peak_allocated_rank: rank that it was, NULL when unknown
--   peak_reserved_bytes: most bytes that the allocator held, NULL when unknown
--   peak_reserved_ns: when that was first, nanoseconds since the Unix epoch, NULL when unknown
--   peak_reserved_rank: rank that it was, NULL when unknown
--   peak_used_bytes: most bytes in use on the device, NULL when unknown
--   peak_used_ns: when that was first, nanoseconds since the Unix epoch, NULL when unknown
--   peak_used_rank: rank that it was, NULL when unknown
--   alert_count: number of alerts
--   transition_count: times that a collector degraded or recovered
--   oom_count: events of out-of-memory failures
--   window_duration_ns: length of each part in nanoseconds
--   job_id: distributed job, NULL when there is none
--   world_size: number of ranks of the job
--   rollups_path: the file that says so
--   source_id: number of the source in the order of the catalog, from 0
--
-- Reads: raw.rollup_files, raw.rollup_sessions, raw.rollup_windows
-- Needs: rollups
-- Source: docs/concepts.md#rollups.
CREATE OR REPLACE VIEW rollup_windows AS
SELECT
    s.session_id,
    w.window_index,
    w.start_ns,
    w.end_ns,
    w.event_count,
    w.sample_count,
    w.rank_count,
    w.peak_allocated_bytes,
    w.peak_allocated_ns,
    w.peak_allocated_rank,
    w.peak_reserved_bytes,
    w.peak_reserved_ns,
    w.peak_reserved_rank,
    w.peak_used_bytes,
    w.peak_used_ns,
    w.peak_used_rank,
    w.alert_count,
    w.transition_count,
    w.oom_count,
    f.window_duration_ns,
    s.job_id,
    s.world_size,
    f.path AS rollups_path,
    s.source_id
FROM raw.rollup_windows AS w
INNER JOIN raw.rollup_sessions AS s ON w.source_id = s.source_id AND w.position = s.position
INNER JOIN raw.rollup_files AS f ON w.source_id = f.source_id;
