-- Sums and peaks of ranks of sessions, as fresh rollups of their sinks give them, without a look at events.
--
-- Columns:
--   session_id: id of the session
--   rank: global rank, from 0
--   local_rank: rank on its machine, from 0
--   world_size: number of ranks
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
--   first_gap_bytes: bytes in use beyond those that the allocator held at the first sample, NULL when unknown
--   latest_gap_bytes: the same bytes at the last sample
--   peak_gap_bytes: the most such bytes at any sample
--   delta_gap_bytes: such bytes at the last sample less those at the first
--   gap_drift_bytes_per_second: the same per second, NULL without time between the two
--   source_id: number of the source in the order of the catalog, from 0
--
-- Reads: raw.rollup_ranks, raw.rollup_sessions
-- Needs: rollups
-- Source: docs/concepts.md#rollups.
CREATE OR REPLACE VIEW rollup_ranks AS
SELECT
    s.session_id,
    r.rank,
    r.local_rank,
    r.world_size,
    r.event_count,
    r.sample_count,
    r.first_ns,
    r.last_ns,
    r.peak_allocated_bytes,
    r.peak_allocated_ns,
    r.peak_allocated_rank,
    r.peak_reserved_bytes,
    r.peak_reserved_ns,
    r.peak_reserved_rank,
    r.peak_used_bytes,
    r.peak_used_ns,
    r.peak_used_rank,
    r.first_gap_bytes,
    r.latest_gap_bytes,
    r.peak_gap_bytes,
    r.delta_gap_bytes,
    r.gap_drift_bytes_per_second,
    s.source_id
FROM raw.rollup_ranks AS r
INNER JOIN raw.rollup_sessions AS s ON r.source_id = s.source_id AND r.position = s.position;
