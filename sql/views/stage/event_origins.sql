-- Events that are evidence of issues, with the version, the thread and the phase scope that their records name.
--
-- The issue stands beside the event: who asks for one issue has only its records looked into.
--
-- `code_version` is the version that the record itself names; `thread_id` and `scope_id` are the thread and the phase
-- scope that it names as its origin. Each is NULL where it names none.
--
-- Reads: raw.kept_records, raw.pieces, stage.event_hits, stage.hits
-- Calls: prim.json_integer, prim.json_text, telemetry.record_facts, telemetry.scalar_text
-- Source: docs/concepts.md#issues.
CREATE OR REPLACE VIEW stage.event_origins AS
WITH origin_fields AS (
    SELECT
        i.fingerprint_id,
        p.source_id,
        p.file_id,
        h.line_number,
        h.session_id,
        h.timestamp_ns,
        h.rank,
        h.device_id,
        list_transform(telemetry.record_facts(k.record)[12:], lambda value: telemetry.scalar_text(value)) AS versions,
        CAST(
            json_extract(k.record, ['$.metadata.origin_thread_id', '$.metadata.origin_phase_scope_id']) AS VARCHAR[]
        ) AS origins
    FROM stage.hits AS i
    INNER JOIN raw.pieces AS p ON i.sort_file = p.file_id
    INNER JOIN stage.event_hits AS h ON p.piece_id = h.piece_id AND i.sort_line = h.line_number
    INNER JOIN raw.kept_records AS k ON h.piece_id = k.piece_id AND h.line_number = k.line_number
    WHERE i.stage = 1
)

SELECT
    fingerprint_id,
    source_id,
    file_id,
    line_number,
    session_id,
    timestamp_ns,
    rank,
    device_id,
    list_filter(versions, lambda value: value IS NOT NULL)[1] AS code_version,
    CASE origins[1] WHEN 'true' THEN 1 WHEN 'false' THEN 0 ELSE prim.json_integer(origins[1]) END AS thread_id,
    nullif(prim.json_text(origins[2]), '') AS scope_id
FROM origin_fields;
