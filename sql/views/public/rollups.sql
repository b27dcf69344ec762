-- The files with sums and peaks that sinks keep beside their events (rollups.json).
--
-- Columns:
--   rollups_path: the file
--   state: fresh; stale where the sink has gone on since; unusable
--   reason: why it is not fresh, NULL where it is
--   generated_at_ns: when it was written, nanoseconds since the Unix epoch, NULL where it is unusable
--   window_duration_ns: length of its windows in nanoseconds, NULL where it is unusable
--   session_count: sessions that it describes
--   source_path: directory of the sink
--   source_id: number of the source in the order of the catalog, from 0
--
-- Reads: raw.rollup_files, raw.sources
-- Needs: rollups
-- Source: docs/concepts.md#rollups.
CREATE OR REPLACE VIEW rollups AS
SELECT
    f.path AS rollups_path,
    f.state,
    f.reason,
    f.generated_at_ns,
    f.window_duration_ns,
    f.session_count,
    s.source_path,
    f.source_id
FROM raw.rollup_files AS f
INNER JOIN raw.sources AS s ON f.source_id = s.source_id;
