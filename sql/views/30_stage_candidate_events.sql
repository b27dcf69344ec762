-- Events that may be evidence of an issue, with what their metadata says about it.
--
-- Materialised: yes
-- Source: docs/concepts.md#issues.
CREATE OR REPLACE VIEW stage.candidate_events_view AS
SELECT
    source_id,
    file_id,
    line_number,
    session_id,
    timestamp_ns,
    rank,
    device_id,
    event_type,
    collector,
    context,
    session_status,
    source_path,
    source_kind,
    prim.json_quote(context) AS context_json,
    prim.json_at(metadata, '$.backend') AS backend_json,
    prim.json_at(metadata, '$.severity') AS severity_json,
    prim.json_at(metadata, '$.collector_health_status') AS health_json,
    prim.json_at(metadata, '$.collector_last_error') AS error_json,
    prim.json_at(metadata, '$.collector_partial_fields') AS partial_fields_json,
    prim.json_at(metadata, '$.collector_consecutive_failures') AS failures_json,
    prim.json_at(metadata, '$.collector_next_retry_epoch_s') AS retry_json,
    prim.json_at(metadata, '$.oom_reason') AS oom_reason_json,
    prim.json_at(metadata, '$.oom_dump_path') AS oom_dump_path_json
FROM events
WHERE issues.may_be_evidence(event_type, severity, collector_health_status);
