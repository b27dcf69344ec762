-- Landmarks of a timeline: where tracking starts and stops, collectors fail, alerts come, and phases run.
--
-- Columns:
--   session_id: session that it belongs to
--   start_ns: when it happened or began, nanoseconds since the Unix epoch
--   end_ns: when it ended, nanoseconds since the Unix epoch, NULL for what has no length
--   kind: lifecycle, collector, alert, oom or phase
--   source: telemetry_event or phase_replay
--   severity: info, warning or critical
--   label: a few words for people
--   rank: global rank, from 0
--   local_rank: rank on its machine, from 0
--   world_size: number of ranks
--   event_type: type of the event, trimmed, or phase
--   metadata: JSON object: metadata of the event, or which phase it is
--   job_id: distributed job of the session, NULL when there is none
--   source_path: first file that contributes to the session
--   source_kind: kind of the source
--   source_id: number of the source in the order of the catalog, from 0
--   file_id: number of the file in reading order, from 0, NULL for phases
--   line_number: line in that file from 1, NULL for phases
--
-- Reads: events, phase_spans, raw.events, raw.ledger_sessions, stage.loaded_sessions
-- Calls: prim.json_at, prim.json_text, prim.trim_blanks
-- Needs: texts, phases
-- Source: docs/concepts.md#timeline-markers.
CREATE OR REPLACE VIEW timeline_markers AS
WITH spans AS (
    SELECT p.*, s.source_path, s.source_kind
    FROM phase_spans AS p
    INNER JOIN stage.loaded_sessions AS s ON p.source_id = s.source_id AND p.session_id = s.session_id
),

-- Jobs of sessions that no ledger describes come from their first record, and so do places of ranks, whatever it says.
described_sessions AS (
    SELECT source_id, session_id FROM stage.loaded_sessions WHERE NOT is_in_ledger
    UNION
    SELECT source_id, session_id FROM spans
),

first_records AS (
    SELECT
        e.source_id, e.session_id, e.rank, min(e.timestamp_ns) AS first_ns,
        arg_min(e.record, (e.timestamp_ns, e.file_id, e.line_number)) AS record
    FROM raw.events AS e
    SEMI JOIN described_sessions AS d ON e.source_id = d.source_id AND e.session_id = d.session_id
    GROUP BY e.source_id, e.session_id, e.rank
),

session_jobs AS (
    SELECT source_id, session_id, job_id FROM raw.ledger_sessions WHERE is_last
    UNION ALL
    SELECT
        r.source_id, r.session_id, prim.json_text(prim.json_at(arg_min(r.record, (r.first_ns, r.rank)), '$.job_id'))
    FROM first_records AS r
    INNER JOIN stage.loaded_sessions AS s ON r.source_id = s.source_id AND r.session_id = s.session_id
    WHERE NOT s.is_in_ledger
    GROUP BY r.source_id, r.session_id
),

marking_events AS (
    SELECT e.* EXCLUDE (job_id), j.job_id, prim.trim_blanks(e.event_type) AS trimmed_type
    FROM events AS e
    LEFT JOIN session_jobs AS j ON e.source_id = j.source_id AND e.session_id = j.session_id
    WHERE prim.trim_blanks(e.event_type)
        IN ('start', 'stop', 'collector_degraded', 'collector_recovered', 'warning', 'critical', 'error')
),

described_events AS (
    SELECT
        *,
        trimmed_type = 'error'
        AND (json_exists(metadata, '$.oom_reason') OR json_exists(metadata, '$.oom_dump_path')) AS is_oom,
        nullif(prim.trim_blanks(context), '') AS context_label,
        nullif(prim.trim_blanks(prim.json_text(prim.json_at(metadata, '$.oom_reason'))), '') AS oom_reason
    FROM marking_events
)

SELECT
    session_id,
    timestamp_ns AS start_ns,
    CAST(NULL AS BIGINT) AS end_ns,
    CASE
        WHEN is_oom THEN 'oom'
        WHEN trimmed_type IN ('start', 'stop') THEN 'lifecycle'
        WHEN trimmed_type IN ('warning', 'critical', 'error') THEN 'alert'
        ELSE 'collector'
    END AS kind,
    'telemetry_event' AS source,
    CASE
        WHEN trimmed_type IN ('critical', 'error') THEN 'critical'
        WHEN trimmed_type IN ('warning', 'collector_degraded') THEN 'warning'
        ELSE 'info'
    END AS severity,
    coalesce(
        context_label,
        CASE
            WHEN is_oom THEN concat('OOM detected', ': ' || oom_reason)
            WHEN trimmed_type = 'start' THEN 'Tracking started'
            WHEN trimmed_type = 'stop' THEN 'Tracking stopped'
            WHEN trimmed_type = 'collector_degraded' THEN 'Collector degraded'
            WHEN trimmed_type = 'collector_recovered' THEN 'Collector recovered'
            WHEN trimmed_type = 'warning' THEN 'Warning'
            WHEN trimmed_type = 'critical' THEN 'Critical alert'
            ELSE 'Error'
        END
    ) AS label,
    rank,
    local_rank,
    world_size,
    trimmed_type AS event_type,
    metadata,
    job_id,
    source_path,
    source_kind,
    source_id,
    file_id,
    line_number
FROM described_events
UNION ALL
SELECT
    p.session_id,
    p.start_ns,
    p.end_ns,
    'phase' AS kind,
    'phase_replay' AS source,
    'info' AS severity,
    concat('Phase: ', p.phase_path) AS label,
    p.rank,
    coalesce(TRY_CAST(prim.json_at(r.record, '$.local_rank') AS BIGINT), p.rank) AS local_rank,
    coalesce(TRY_CAST(prim.json_at(r.record, '$.world_size') AS BIGINT), 1) AS world_size,
    'phase' AS event_type,
    json_object(
        'phase_path', p.path, 'scope_id', p.scope_id, 'thread_id', p.thread_id, 'thread_name', p.thread_name,
        'sequence', p.sequence, 'synthetic_end', p.is_synthetic_end
    ) AS metadata,
    j.job_id,
    p.source_path,
    p.source_kind,
    p.source_id,
    CAST(NULL AS INTEGER) AS file_id,
    CAST(NULL AS BIGINT) AS line_number
FROM spans AS p
LEFT JOIN first_records AS r ON p.source_id = r.source_id AND p.session_id = r.session_id AND p.rank = r.rank
LEFT JOIN session_jobs AS j ON p.source_id = j.source_id AND p.session_id = j.session_id;
