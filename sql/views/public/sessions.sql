-- Sessions, one row per source that knows them.
--
-- Columns:
--   session_id: id of the session
--   status: completed, interrupted, incomplete or running
--   started_at_ns: nanoseconds since the Unix epoch
--   ended_at_ns: the same, NULL while it runs or when its end is unknown
--   host: machine
--   pid: process id, -1 when unknown
--   job_id: distributed job, NULL when there is none
--   rank: global rank, from 0
--   local_rank: rank on its machine, from 0
--   world_size: number of ranks
--   source: what wrote the session
--   source_path: sink directory, file or bundle directory
--   source_kind: kind of the source
--   source_count: files that hold the session
--   warning_count: rows of its source that were skipped (sinks with a ledger: 0)
--   event_count: number of events, NULL for diagnose bundles
--   oom_bundle_count: OOM bundles that name the session
--   source_id: number of the source, from 0
--   position: order within the source
--
-- Example: SELECT session_id, status, host, rank, make_timestamp_ns(started_at_ns) AS started_at FROM sessions
--
-- Reads: events, raw.copied_sessions, raw.kept_rejects, raw.ledger_sessions, raw.oom_bundles, raw.pieces,
--   raw.sources, stage.loaded_sessions
-- Needs: sessions
-- Source: docs/concepts.md#sessions.
CREATE OR REPLACE VIEW sessions AS
WITH first_events AS (
    SELECT
        e.source_id,
        e.session_id,
        e.host,
        e.pid,
        e.job_id,
        e.rank,
        e.local_rank,
        e.world_size,
        row_number() OVER (
            PARTITION BY e.source_id, e.session_id ORDER BY e.timestamp_ns, e.file_id, e.line_number
        ) AS position
    FROM events AS e
    INNER JOIN stage.loaded_sessions AS s ON e.source_id = s.source_id AND e.session_id = s.session_id
    WHERE NOT s.is_in_ledger
),

reject_counts AS (
    SELECT p.source_id, count(*) AS reject_count
    FROM raw.kept_rejects AS r
    INNER JOIN raw.pieces AS p ON r.piece_id = p.piece_id
    GROUP BY p.source_id
),

bundle_counts AS (
    SELECT session_id, count(*) AS bundle_count FROM raw.oom_bundles GROUP BY session_id
),

session_rows AS (
    -- Sessions of sources that list their ledger, and of diagnose bundles. Where a ledger has several entries of a
    -- session, the first one is listed; the last one describes its events.
    SELECT
        l.session_id, l.status, l.started_at_ns, l.ended_at_ns, l.host, l.pid, l.job_id, l.rank, l.local_rank,
        l.world_size, l.source, l.source_count, 0 AS warning_count, l.event_count, l.source_id, l.position
    FROM raw.ledger_sessions AS l
    ANTI JOIN raw.copied_sessions AS d ON l.source_id = d.source_id AND l.session_id = d.session_id
    WHERE l.is_listed AND l.is_first
    UNION ALL
    -- Sessions that a ledger beside a file describes, with or without events in the file.
    SELECT
        l.session_id, l.status, l.started_at_ns, l.ended_at_ns, l.host, l.pid, l.job_id, l.rank, l.local_rank,
        l.world_size, l.source, greatest(1, coalesce(s.file_count, 0)) AS source_count,
        coalesce(c.reject_count, 0) AS warning_count, coalesce(s.event_count, 0) AS event_count, l.source_id,
        coalesce(s.session_order, 1000000 + l.position) AS position
    FROM raw.ledger_sessions AS l
    LEFT JOIN stage.loaded_sessions AS s ON l.source_id = s.source_id AND l.session_id = s.session_id
    LEFT JOIN reject_counts AS c ON l.source_id = c.source_id
    ANTI JOIN raw.copied_sessions AS d ON l.source_id = d.source_id AND l.session_id = d.session_id
    WHERE NOT l.is_listed AND l.is_last
    UNION ALL
    -- Sessions that only events describe, of sources without a ledger to list.
    SELECT
        s.session_id, s.status, s.started_at_ns, s.ended_at_ns, e.host, e.pid, e.job_id, e.rank, e.local_rank,
        e.world_size, concat('artifact:', o.name) AS source, s.file_count AS source_count,
        coalesce(c.reject_count, 0) AS warning_count, s.event_count, s.source_id, s.session_order AS position
    FROM stage.loaded_sessions AS s
    INNER JOIN first_events AS e
        ON s.source_id = e.source_id AND s.session_id = e.session_id AND e.position = 1
    INNER JOIN raw.sources AS o ON s.source_id = o.source_id
    LEFT JOIN reject_counts AS c ON s.source_id = c.source_id
    WHERE NOT s.is_in_ledger
        AND s.source_id NOT IN (SELECT l.source_id FROM raw.ledger_sessions AS l WHERE l.is_listed)
)

SELECT
    k.session_id,
    k.status,
    k.started_at_ns,
    k.ended_at_ns,
    k.host,
    k.pid,
    k.job_id,
    k.rank,
    k.local_rank,
    k.world_size,
    k.source,
    o.source_path,
    o.source_kind,
    k.source_count,
    k.warning_count,
    k.event_count,
    coalesce(b.bundle_count, 0) AS oom_bundle_count,
    k.source_id,
    k.position
FROM session_rows AS k
INNER JOIN raw.sources AS o ON k.source_id = o.source_id
LEFT JOIN bundle_counts AS b ON k.session_id = b.session_id;
