-- Events of the last batch that are evidence of an issue, one row each, with the dimensions that make the issue.
--
-- `dimension_key` is the JSON text of the dimensions before their last normalisation, keys in code point order; equal
-- keys are the same issue, and one issue may have several keys.
--
-- Materialised: yes
-- Reads: raw.candidate_events, stage.distinct_texts
-- Calls: issues.alert_category, issues.error_stem, issues.event_kind, issues.event_severity, prim.json_quote,
--   prim.json_text
-- Source: docs/concepts.md#issues.
CREATE OR REPLACE VIEW stage.fresh_hits_view AS
WITH candidate_texts AS (
    SELECT
        c.piece_id,
        c.line_number,
        c.session_id,
        c.timestamp_ns,
        c.rank,
        c.device_id,
        c.event_type,
        c.collector,
        prim.json_text(c.context_json) AS context,
        c.failures_json,
        c.retry_json,
        c.oom_dump_path_json,
        coalesce(c.oom_reason_json, 'null') AS oom_reason_json,
        c.oom_reason_json IS NOT NULL OR c.oom_dump_path_json IS NOT NULL AS has_oom_key,
        CASE WHEN starts_with(c.partial_fields_json, '[') THEN c.partial_fields_json ELSE '[]' END
            AS partial_fields_json,
        coalesce(nullif(b.normal_text, ''), 'unknown') AS backend,
        nullif(h.normal_text, '') AS health,
        CASE WHEN starts_with(c.severity_json, '"') THEN nullif(s.normal_text, '') END AS named_severity,
        coalesce(nullif(e.normal_text, ''), 'unknown') AS error,
        coalesce(nullif(x.normal_text, ''), 'unknown') AS normal_context
    FROM raw.candidate_events AS c
    LEFT JOIN stage.distinct_texts AS b ON c.backend_json = b.json_value
    LEFT JOIN stage.distinct_texts AS h ON c.health_json = h.json_value
    LEFT JOIN stage.distinct_texts AS s ON c.severity_json = s.json_value
    LEFT JOIN stage.distinct_texts AS e ON c.error_json = e.json_value
    LEFT JOIN stage.distinct_texts AS x ON c.context_json = x.json_value
),

event_kinds AS (
    SELECT
        *,
        issues.event_kind(event_type, has_oom_key, health, named_severity) AS kind,
        issues.event_severity(event_type, named_severity) AS event_severity,
        coalesce(health, 'degraded') AS health_status,
        issues.error_stem(error) AS error_stem,
        issues.alert_category(normal_context) AS category
    FROM candidate_texts
)

SELECT
    piece_id,
    line_number,
    session_id,
    timestamp_ns,
    rank,
    device_id,
    event_type,
    collector,
    context,
    failures_json,
    retry_json,
    oom_dump_path_json,
    oom_reason_json,
    partial_fields_json,
    backend,
    kind,
    health_status,
    error_stem,
    category,
    CASE kind
        WHEN 'oom' THEN 'critical'
        WHEN 'collector_degradation' THEN CASE WHEN health_status = 'unhealthy' THEN 'critical' ELSE 'warning' END
        ELSE event_severity
    END AS severity,
    CASE kind
        WHEN 'oom' THEN 'OOM telemetry event'
        WHEN 'collector_degradation' THEN 'Collector degradation'
        ELSE concat('Alert: ', replace(category, '_', ' '))
    END AS title,
    CASE kind
        WHEN 'oom' THEN concat('{"backend":', prim.json_quote(backend), ',"reason":', oom_reason_json, '}')
        WHEN 'collector_degradation' THEN concat(
            '{"backend":', prim.json_quote(backend),
            ',"collector":', prim.json_quote(collector),
            ',"error_stem":', prim.json_quote(error_stem),
            ',"health_status":', prim.json_quote(health_status),
            ',"partial_fields":', partial_fields_json, '}'
        )
        ELSE concat(
            '{"backend":', prim.json_quote(backend),
            ',"category":', prim.json_quote(category),
            ',"collector":', prim.json_quote(collector),
            ',"event_type":', prim.json_quote(event_type),
            ',"severity":', prim.json_quote(event_severity), '}'
        )
    END AS dimension_key
FROM event_kinds
WHERE kind IS NOT NULL;
