-- The event at a place.
SELECT timestamp_ns, session_id, job_id, rank, world_size, source_path, source_kind, event_type
FROM events
WHERE timestamp_ns = CAST($timestamp_ns AS BIGINT) AND file_id = CAST($file_id AS INTEGER)
    AND line_number = CAST($line_number AS BIGINT)
