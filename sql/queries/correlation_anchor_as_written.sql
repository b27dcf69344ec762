-- The first event that has a record id, among those that are kept as the text from which their ids are made.
SELECT timestamp_ns, session_id, job_id, rank, world_size, source_path, source_kind, event_type
FROM events
WHERE coalesce(record_id, projection.record_id(record)) = CAST($record_id AS VARCHAR)
ORDER BY timestamp_ns, session_id, source_id, file_id, line_number
LIMIT 1
