-- Every hit of every issue: OOM bundles, events and hidden-memory findings, in one shape.
--
-- Evidence is ordered by (stage, sort_ns, sort_text, sort_file, sort_line): bundles first, then events by time,
-- then findings.
--
-- Reads: memory_gaps, raw.files, raw.oom_bundles, raw.pieces, stage.event_hits, stage.loaded_sessions
-- Calls: issues.bundle_metadata, prim.json_quote, prim.json_text
-- Source: docs/concepts.md#issues.
CREATE OR REPLACE VIEW stage.evidence AS
SELECT
    'oom' AS kind,
    'critical' AS severity,
    'OOM captured by flight recorder' AS title,
    concat('{"backend":', prim.json_quote(backend), ',"reason":', prim.json_quote(reason), '}') AS dimension_key,
    session_id,
    created_at_ns AS timestamp_ns,
    CAST(NULL AS BIGINT) AS rank,
    bundle_path AS source_path,
    'oom_bundle' AS source_kind,
    CAST(NULL AS VARCHAR) AS event_type,
    bundle_path,
    issues.bundle_metadata(created_at_utc, event_count, session_status) AS metadata,
    concat(
        '{"backend":', prim.json_quote(backend),
        ',"reason":', prim.json_quote(reason),
        ',"exception_type":', prim.json_quote(exception_type),
        ',"exception_module":', prim.json_quote(exception_module), '}'
    ) AS details,
    0 AS stage,
    0 AS sort_ns,
    '' AS sort_text,
    position AS sort_file,
    0 AS sort_line,
    CAST(NULL AS VARCHAR) AS segment_path
FROM raw.oom_bundles
UNION ALL
SELECT
    h.kind,
    h.severity,
    h.title,
    h.dimension_key,
    h.session_id,
    h.timestamp_ns,
    h.rank,
    s.source_path,
    s.source_kind,
    h.event_type,
    CASE WHEN h.kind = 'oom' THEN nullif(prim.json_text(h.oom_dump_path_json), '') END AS bundle_path,
    CASE
        WHEN h.kind = 'collector_degradation' THEN concat(
            '{"collector_consecutive_failures":', coalesce(h.failures_json, 'null'),
            ',"collector_next_retry_epoch_s":', coalesce(h.retry_json, 'null'),
            ',"session_status":', prim.json_quote(s.status), '}'
        )
        ELSE concat(
            '{"context":', prim.json_quote(h.context), ',"session_status":', prim.json_quote(s.status), '}'
        )
    END AS metadata,
    CASE h.kind
        WHEN 'oom' THEN concat(
            '{"backend":', prim.json_quote(h.backend),
            ',"reason":', h.oom_reason_json,
            ',"collector":', prim.json_quote(h.collector),
            ',"device_id":', coalesce(CAST(h.device_id AS VARCHAR), 'null'), '}'
        )
        WHEN 'collector_degradation' THEN concat(
            '{"collector":', prim.json_quote(h.collector),
            ',"backend":', prim.json_quote(h.backend),
            ',"health_status":', prim.json_quote(h.health_status),
            ',"partial_fields":', h.partial_fields_json,
            ',"error_stem":', prim.json_quote(h.error_stem), '}'
        )
        ELSE concat(
            '{"event_type":', prim.json_quote(h.event_type),
            ',"collector":', prim.json_quote(h.collector),
            ',"backend":', prim.json_quote(h.backend),
            ',"category":', prim.json_quote(h.category), '}'
        )
    END AS details,
    1 AS stage,
    h.timestamp_ns AS sort_ns,
    h.session_id AS sort_text,
    p.file_id AS sort_file,
    h.line_number AS sort_line,
    f.path AS segment_path
FROM stage.event_hits AS h
INNER JOIN raw.pieces AS p ON h.piece_id = p.piece_id
INNER JOIN raw.files AS f ON p.file_id = f.file_id
INNER JOIN stage.loaded_sessions AS s ON p.source_id = s.source_id AND h.session_id = s.session_id
UNION ALL
SELECT
    'hidden_memory_anomaly' AS kind,
    severity,
    concat('Hidden-memory anomaly: ', classification) AS title,
    concat(
        '{"backend":', prim.json_quote(backend),
        ',"classification":', prim.json_quote(classification),
        ',"collector":', prim.json_quote(collector),
        ',"phase":', prim.json_quote(phase),
        ',"severity":', prim.json_quote(severity), '}'
    ) AS dimension_key,
    session_id,
    timestamp_ns,
    rank,
    source_path,
    source_kind,
    event_type,
    CAST(NULL AS VARCHAR) AS bundle_path,
    concat(
        '{"classification":', prim.json_quote(classification),
        ',"confidence":', confidence_text,
        ',"phase_attribution":', coalesce(phase_attribution, 'null'), '}'
    ) AS metadata,
    concat(
        '{"classification":', prim.json_quote(classification),
        ',"description":', prim.json_quote(description),
        ',"confidence":', confidence_text,
        ',"evidence":', evidence,
        ',"phase":', prim.json_quote(phase), '}'
    ) AS details,
    2 AS stage,
    finding_number AS sort_ns,
    '' AS sort_text,
    finding_number AS sort_file,
    0 AS sort_line,
    segment_path
FROM memory_gaps;
