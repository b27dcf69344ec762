-- Records in the order of time, each as one line of OTLP/JSON: an ExportLogsServiceRequest with one log record.
SELECT
    concat(
        '{"resourceLogs":[{"resource":{"attributes":[',
        '{"key":"session.id","value":{"stringValue":', to_json(session_id), '}}',
        otlp.pair('host.name', 'stringValue', nullif(host, 'unknown')),
        otlp.pair('process.pid', 'intValue', nullif(pid, -1)),
        otlp.pair('stormlog.job_id', 'stringValue', job_id),
        otlp.pair('stormlog.rank', 'intValue', rank),
        otlp.pair('stormlog.local_rank', 'intValue', local_rank),
        otlp.pair('stormlog.world_size', 'intValue', world_size),
        ']},"scopeLogs":[{"scope":{"name":', to_json(collector),
        '},"logRecords":[{"timeUnixNano":"', timestamp_ns, '","observedTimeUnixNano":"', timestamp_ns, '"',
        ',"severityNumber":' || otlp.severity_number(projected_severity),
        ',"severityText":' || to_json(coalesce(severity_text, projected_severity)),
        ',"eventName":', to_json(event_type),
        ',"body":{"stringValue":' || to_json(context) || '}',
        -- The last of these ends behind the metadata.
        ',"attributes":[{"key":"log.file.path","value":{"stringValue":', to_json(segment_path), '}}',
        otlp.pair('stormlog.line_number', 'intValue', line_number),
        otlp.pair('log.record.uid', 'stringValue', record_id),
        otlp.pair('hw.type', 'stringValue', CASE
            WHEN device_kind = 'cpu' THEN 'cpu'
            WHEN device_kind IN ('cuda', 'rocm', 'mps', 'gpu') THEN 'gpu'
        END),
        otlp.pair('hw.id', 'stringValue', nullif(device_id, -1)),
        otlp.pair('phase.name', 'stringValue', stage),
        otlp.phase_pair(scope_json, 'scope_id'),
        otlp.phase_pair(scope_json, 'parent_scope_id'),
        otlp.phase_pair(scope_json, 'sequence'),
        otlp.pair('sampling.interval_ms', 'intValue', sampling_interval_ms),
        otlp.pair('memory.allocator.allocated_bytes', 'intValue', allocator_allocated_bytes),
        otlp.pair('memory.allocator.reserved_bytes', 'intValue', allocator_reserved_bytes),
        otlp.pair('memory.allocator.active_bytes', 'intValue', allocator_active_bytes),
        otlp.pair('memory.allocator.inactive_bytes', 'intValue', allocator_inactive_bytes),
        otlp.pair('memory.allocator.change_bytes', 'intValue', allocator_change_bytes),
        otlp.pair('memory.device.used_bytes', 'intValue', device_used_bytes),
        otlp.pair('memory.device.free_bytes', 'intValue', device_free_bytes),
        otlp.pair('memory.device.total_bytes', 'intValue', device_total_bytes),
        ',{"key":"stormlog.source_kind","value":{"stringValue":', to_json(device_kind), '}',
        otlp.value(members),
        '}]}]}]}]}', chr(10)
    ) AS line
FROM (
    -- Sorted before they become lines, which are longer.
    SELECT *, otlp.members(metadata_json) AS members
    FROM stage.projected_fields
    WHERE (CAST($time_start_ns AS BIGINT) IS NULL OR timestamp_ns >= CAST($time_start_ns AS BIGINT))
        AND (CAST($time_end_ns AS BIGINT) IS NULL OR timestamp_ns <= CAST($time_end_ns AS BIGINT))
    ORDER BY timestamp_ns, session_id, source_id, file_id, line_number
    LIMIT CAST($limit AS BIGINT) OFFSET CAST($offset AS BIGINT)
)
