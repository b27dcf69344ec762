-- What the first record of a session says about it, one row per source and session.
--
-- The first record is the start event of the session, else the earliest one that begins or ends a phase or may be a
-- hit. What it does not say comes from the ledger of the source, which knows no version and no app; what neither says is
-- NULL.
--
-- Columns:
--   source_id: number of the source in the order of the catalog, from 0
--   session_id: id of the session
--   host: machine name, NULL where it is written as 'unknown'
--   job_id: distributed job
--   world_size: number of ranks
--   sampling_interval_ms: interval between samples, milliseconds
--   code_version: version of the code
--   app: training program
--   is_dev: whether it ran for development
--
-- Reads: raw.copied_sessions, raw.kept_records, raw.ledger_sessions, raw.pieces, stage.loaded_sessions
-- Calls: telemetry.is_development, telemetry.may_describe_session, telemetry.record_facts,
--   telemetry.scalar_text
-- Source: docs/tracking.md#what-is-read-from-telemetry.
CREATE OR REPLACE VIEW stage.session_facts AS
-- As in sql/queries/scan_evidence.sql, which looks at some sessions only.
WITH first_records AS (
    SELECT
        p.source_id,
        r.session_id,
        telemetry.record_facts(
            arg_min(r.record, (r.event_type <> 'start', r.timestamp_ns, p.file_id, r.line_number))
        ) AS facts
    FROM raw.kept_records AS r
    INNER JOIN raw.pieces AS p ON r.piece_id = p.piece_id
    WHERE r.record IS NOT NULL AND telemetry.may_describe_session(r.event_type, r.severity, r.collector_health_status)
    GROUP BY p.source_id, r.session_id
),

record_texts AS (
    SELECT
        source_id,
        session_id,
        facts,
        list_transform(facts, lambda value: telemetry.scalar_text(value)) AS texts
    FROM first_records
),

-- The last entry of a ledger describes the events of a session.
ledger_entries AS (
    SELECT source_id, session_id, host, job_id, world_size
    FROM raw.ledger_sessions
    WHERE is_last
),

known_sessions AS (
    SELECT source_id, session_id FROM stage.loaded_sessions
    UNION
    SELECT l.source_id, l.session_id
    FROM ledger_entries AS l
    ANTI JOIN raw.copied_sessions AS d ON l.source_id = d.source_id AND l.session_id = d.session_id
)

SELECT
    s.source_id,
    s.session_id,
    coalesce(nullif(r.texts[2], 'unknown'), nullif(l.host, 'unknown')) AS host,
    coalesce(r.texts[1], l.job_id) AS job_id,
    coalesce(TRY_CAST(r.facts[5] AS BIGINT), l.world_size) AS world_size,
    TRY_CAST(r.facts[6] AS BIGINT) AS sampling_interval_ms,
    list_filter(r.texts[12:], lambda value: value IS NOT NULL)[1] AS code_version,
    r.texts[9] AS app,
    telemetry.is_development(r.facts[10], r.texts[11]) AS is_dev
FROM known_sessions AS s
LEFT JOIN record_texts AS r ON s.source_id = r.source_id AND s.session_id = r.session_id
LEFT JOIN ledger_entries AS l ON s.source_id = l.source_id AND s.session_id = l.session_id;
