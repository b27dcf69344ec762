-- Events with what their projected records are made of, before it becomes JSON.
--
-- Created when a statement first names it, because it needs functions of Python.
--
-- Reads: stage.identified_events
-- Calls: prim.is_ascii, prim.json_text, prim.lower_ascii, prim.trim_blanks, projection.severity,
--   projection.severity_text, projection.source_kind, projection.stage, projection.stated_severity,
--   stormlog_folded_text, stormlog_severity_text
-- Source: docs/concepts.md#projection.
CREATE OR REPLACE VIEW stage.projected_fields AS
WITH field_lists AS (
    SELECT
        *,
        CAST(
            json_extract(coalesce(canonical_text, record), [
                '$.metadata',
                '$.metadata.backend',
                '$.metadata.severity',
                '$.metadata.severity_text',
                '$.metadata.phase_scope'
            ]) AS VARCHAR[]
        ) AS fields
    FROM stage.identified_events
),

record_fields AS (
    SELECT
        *,
        fields[1] AS metadata_json,
        fields[2] AS backend_json,
        fields[3] AS severity_json,
        fields[4] AS severity_text_json,
        fields[5] AS scope_json
    FROM field_lists
),

record_values AS (
    SELECT
        *,
        projection.source_kind(
            prim.lower_ascii(prim.trim_blanks(prim.json_text(backend_json))), collector, device_id
        ) AS device_kind,
        CASE
            WHEN prim.is_ascii(severity_json) THEN projection.stated_severity(severity_json)
            WHEN starts_with(severity_json, '"') THEN stormlog_folded_text(prim.json_text(severity_json))
        END AS stated_severity
    FROM record_fields
)

SELECT
    *,
    projection.stage(scope_json) AS stage,
    projection.severity(stated_severity, event_type) AS projected_severity,
    CASE
        WHEN severity_text_json IS NULL OR severity_text_json = 'null' THEN NULL
        ELSE coalesce(projection.severity_text(severity_text_json), stormlog_severity_text(record))
    END AS severity_text
FROM record_values;
