-- What happened around the last hit of an issue: events of all sessions of its job, or of its session if it has no job.
--
-- Args:
--   fingerprint VARCHAR: id of the issue
--   window_ns BIGINT: nanoseconds before and after the hit
--
-- Columns:
--   seconds: time of the event less that of the hit, seconds
--   timestamp_ns: when the event happened, nanoseconds since the Unix epoch
--   session_id: session that wrote the event
--   rank: global rank of the process, from 0
--   host: machine, NULL when unknown
--   device_id: device index, -1 for no device
--   event_type: what happened
--   phase: phase that was running in the session and rank of the event, NULL where none was
--   allocated_bytes: bytes handed out by the allocator, NULL when unknown
--   reserved_bytes: bytes the allocator holds, NULL when unknown
--   used_bytes: bytes in use on the device, NULL when unknown
--   is_evidence: whether the event is the hit itself; of a bundle or a finding none is
--   segment_path: file that holds the event
--   line_number: its line, from 1
--   source_id: number of the source in the order of the catalog, from 0
--
-- Example: SELECT seconds, rank, event_type, used_bytes FROM evidence_context((SELECT any_value(fingerprint_id) FROM
--   issues), 60000000000)
--
-- Reads: issue_evidence, phase_spans, raw.events, raw.oom_bundles, stage.session_facts
-- Calls: prim.json_at, prim.json_integer, prim.json_text, telemetry.phase_of_spans
-- Needs: issues, phases
-- Source: docs/concepts.md#around-a-hit.
CREATE OR REPLACE MACRO evidence_context(fingerprint, window_ns) AS TABLE
WITH last_hits AS (
    SELECT session_id, timestamp_ns, stage, bundle_path, sort_file, sort_line
    FROM issue_evidence
    WHERE fingerprint_id = CAST(fingerprint AS VARCHAR) AND timestamp_ns IS NOT NULL
    ORDER BY timestamp_ns DESC, stage DESC, sort_text DESC, sort_file DESC, sort_line DESC
    LIMIT 1
),

jobs AS (
    SELECT f.job_id
    FROM last_hits AS h
    INNER JOIN stage.session_facts AS f ON h.session_id = f.session_id
    UNION
    SELECT b.job_id
    FROM last_hits AS h
    INNER JOIN raw.oom_bundles AS b ON h.stage = 0 AND h.bundle_path = b.bundle_path
),

job_sessions AS (
    SELECT f.source_id, f.session_id, f.host
    FROM stage.session_facts AS f
    WHERE f.session_id IN (SELECT h.session_id FROM last_hits AS h) OR f.job_id IN (SELECT j.job_id FROM jobs AS j)
),

near_events AS (
    SELECT
        e.*,
        s.host,
        h.timestamp_ns AS hit_ns,
        prim.json_at(e.record, '$.metadata.origin_thread_id') AS thread_id_json,
        prim.json_at(e.record, '$.metadata.origin_phase_scope_id') AS scope_id_json,
        h.stage = 1 AND h.sort_file = e.file_id AND h.sort_line = e.line_number AS is_evidence
    FROM raw.events AS e
    INNER JOIN job_sessions AS s ON e.source_id = s.source_id AND e.session_id = s.session_id
    CROSS JOIN last_hits AS h
    WHERE e.timestamp_ns BETWEEN CAST(h.timestamp_ns AS HUGEINT) - CAST(window_ns AS BIGINT)
        AND CAST(h.timestamp_ns AS HUGEINT) + CAST(window_ns AS BIGINT)
),

-- As in the view stage.hit_phases: phases are compared with events in the same 256th of the time only.
phase_groups AS (
    SELECT
        source_id,
        session_id,
        rank,
        min(timestamp_ns) AS start_ns,
        CAST(max(timestamp_ns) AS HUGEINT) - min(timestamp_ns) + 1 AS length_ns
    FROM near_events
    GROUP BY source_id, session_id, rank
),

moments AS (
    SELECT
        e.source_id,
        e.session_id,
        e.rank,
        e.timestamp_ns,
        e.file_id,
        e.line_number,
        CASE e.thread_id_json WHEN 'true' THEN 1 WHEN 'false' THEN 0 ELSE prim.json_integer(e.thread_id_json) END
            AS thread_id,
        nullif(prim.json_text(e.scope_id_json), '') AS scope_id,
        CAST(e.timestamp_ns - g.start_ns AS HUGEINT) * 256 // g.length_ns AS bucket
    FROM near_events AS e
    INNER JOIN phase_groups AS g ON e.source_id = g.source_id AND e.session_id = g.session_id AND e.rank = g.rank
),

span_buckets AS (
    SELECT
        s.source_id,
        s.session_id,
        s.rank,
        s.thread_id,
        s.scope_id,
        s.phase_path,
        s.depth,
        s.sequence,
        s.start_ns,
        s.end_ns,
        unnest(range(
            CAST(CAST(greatest(s.start_ns - g.start_ns, 0) AS HUGEINT) * 256 // g.length_ns AS BIGINT),
            CAST(least(s.end_ns - g.start_ns, g.length_ns - 1) * 256 // g.length_ns AS BIGINT) + 1
        )) AS bucket
    FROM phase_spans AS s
    INNER JOIN phase_groups AS g
        ON s.source_id = g.source_id AND s.session_id = g.session_id AND s.rank = g.rank
        AND s.start_ns < g.start_ns + g.length_ns AND s.end_ns >= g.start_ns
),

running_phases AS (
    SELECT
        m.file_id,
        m.line_number,
        s.thread_id,
        s.phase_path,
        s.scope_id,
        s.sequence,
        s.scope_id = m.scope_id AS is_of_scope,
        s.thread_id = m.thread_id AS is_of_thread,
        s.depth = max(s.depth) OVER (PARTITION BY m.file_id, m.line_number, s.thread_id) AS is_deepest
    FROM moments AS m
    INNER JOIN span_buckets AS s
        ON m.source_id = s.source_id AND m.session_id = s.session_id AND m.rank = s.rank AND m.bucket = s.bucket
        AND m.timestamp_ns BETWEEN s.start_ns AND s.end_ns
),

event_phases AS (
    SELECT
        file_id,
        line_number,
        telemetry.phase_of_spans(
            phase_path, thread_id, sequence, scope_id, is_of_scope, is_of_thread, is_deepest
        ) AS phase
    FROM running_phases
    GROUP BY file_id, line_number
)

SELECT
    (e.timestamp_ns - e.hit_ns) / 1e9 AS seconds,
    e.timestamp_ns,
    e.session_id,
    e.rank,
    e.host,
    e.device_id,
    e.event_type,
    p.phase,
    e.allocator_allocated_bytes AS allocated_bytes,
    e.allocator_reserved_bytes AS reserved_bytes,
    e.device_used_bytes AS used_bytes,
    e.is_evidence,
    e.segment_path,
    e.line_number,
    e.source_id
FROM near_events AS e
LEFT JOIN event_phases AS p ON e.file_id = p.file_id AND e.line_number = p.line_number;
