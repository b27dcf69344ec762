-- Sums and peaks of sessions, as fresh rollups of their sinks give them, without a look at events.
--
-- Columns:
--   session_id: id of the session
--   status: completed, interrupted, incomplete or running, when the rollups were written
--   job_id: distributed job, NULL when there is none
--   world_size: number of ranks
--   started_at_ns: nanoseconds since the Unix epoch
--   ended_at_ns: nanoseconds since the Unix epoch, NULL while it runs
--   event_count: number of events
--   sample_count: number of samples
--   first_ns: first event, nanoseconds since the Unix epoch, NULL without events
--   last_ns: last event, nanoseconds since the Unix epoch, NULL without events
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
--   severity_counts: JSON object, severity -> number of alerts
--   event_type_counts: JSON object, event type -> number of alerts
--   transition_count: times that a collector degraded or recovered
--   degraded_time_ns: how long collectors were degraded, in nanoseconds
--   last_status: last known health of a collector, NULL when unknown
--   oom_count: events of out-of-memory failures
--   window_duration_ns: length of the windows in nanoseconds
--   source_path: directory of the sink
--   source_id: number of the source in the order of the catalog, from 0
--   position: order in the rollups, from 0
--
-- Reads: raw.rollup_files, raw.rollup_sessions, raw.sources
-- Needs: rollups
-- Source: docs/concepts.md#rollups.
CREATE OR REPLACE VIEW rollup_sessions AS
SELECT
    s.session_id,
    s.status,
    s.job_id,
    s.world_size,
    s.started_at_ns,
    s.ended_at_ns,
    s.event_count,
    s.sample_count,
    s.first_ns,
    s.last_ns,
    s.peak_allocated_bytes,
    s.peak_allocated_ns,
    s.peak_allocated_rank,
    s.peak_reserved_bytes,
    s.peak_reserved_ns,
    s.peak_reserved_rank,
    s.peak_used_bytes,
    s.peak_used_ns,
    s.peak_used_rank,
    s.alert_count,
    CAST(s.severity_counts AS JSON) AS severity_counts,
    CAST(s.event_type_counts AS JSON) AS event_type_counts,
    s.transition_count,
    s.degraded_time_ns,
    s.last_status,
    s.oom_count,
    f.window_duration_ns,
    o.source_path,
    s.source_id,
    s.position
FROM raw.rollup_sessions AS s
INNER JOIN raw.rollup_files AS f ON s.source_id = f.source_id
INNER JOIN raw.sources AS o ON s.source_id = o.source_id;
