-- Projected records in the order of time, each as one line of OTLP/JSON: an ExportLogsServiceRequest.
WITH record_fields AS (
    SELECT
        *,
        CAST(
            json_extract(resource, [
                '$.host', '$.pid', '$.job_id', '$.rank', '$.local_rank', '$.world_size', '$.collector', '$.device_id'
            ]) AS VARCHAR[]
        ) AS places,
        json_extract(correlation, [
            '$."phase.scope_id"', '$."phase.parent_scope_id"', '$."phase.sequence"'
        ]) AS phases
    FROM projected_records
    WHERE (CAST($time_start_ns AS BIGINT) IS NULL OR timestamp_ns >= CAST($time_start_ns AS BIGINT))
        AND (CAST($time_end_ns AS BIGINT) IS NULL OR timestamp_ns <= CAST($time_end_ns AS BIGINT))
),

-- What is null is left out: an attribute that is not there is not known.
record_attributes AS (
    SELECT
        *,
        CAST(json_merge_patch('{}', json_object(
            'host.name', CAST(nullif(places[1], '"unknown"') AS JSON),
            'process.pid', CAST(nullif(places[2], '-1') AS JSON),
            'session.id', session_id,
            'stormlog.job_id', CAST(places[3] AS JSON),
            'stormlog.rank', CAST(places[4] AS JSON),
            'stormlog.local_rank', CAST(places[5] AS JSON),
            'stormlog.world_size', CAST(places[6] AS JSON)
        )) AS VARCHAR) AS resource_attributes,
        CAST(json_merge_patch(
            '{}',
            CASE
                WHEN prim.is_json_deeper(CAST(attributes AS VARCHAR), 20)
                    THEN json_object('stormlog.attributes_json', CAST(attributes AS VARCHAR))
                ELSE attributes
            END,
            json_object(
                'log.record.uid', record_id,
                'log.file.path', segment_path,
                'stormlog.line_number', line_number,
                'stormlog.source_kind', source_kind,
                'hw.type', CASE
                    WHEN source_kind = 'cpu' THEN 'cpu'
                    WHEN source_kind IN ('cuda', 'rocm', 'mps', 'gpu') THEN 'gpu'
                END,
                'hw.id', nullif(places[8], '-1'),
                'phase.name', stage,
                'phase.scope_id', phases[1],
                'phase.parent_scope_id', phases[2],
                'phase.sequence', phases[3]
            )
        ) AS VARCHAR) AS own_attributes
    FROM record_fields
)

SELECT
    timestamp_ns,
    concat(
        '{"resourceLogs":[{"resource":{"attributes":', projection.otlp_attributes(resource_attributes),
        '},"scopeLogs":[{"scope":{"name":', places[7],
        '},"logRecords":[{"timeUnixNano":"', timestamp_ns,
        '","observedTimeUnixNano":"', observed_timestamp_ns, '"',
        ',"severityNumber":' || projection.otlp_severity_number(severity),
        ',"severityText":' || to_json(coalesce(severity_text, severity)),
        ',"eventName":', to_json(event_type),
        ',"body":{"stringValue":' || to_json(body) || '}',
        ',"attributes":', projection.otlp_attributes(own_attributes),
        '}]}]}]}', chr(10)
    ) AS line
FROM record_attributes
ORDER BY timestamp_ns, session_id, source_path, segment_path, line_number
LIMIT CAST($limit AS BIGINT) OFFSET CAST($offset AS BIGINT)
