-- The first event that has a record id.
SELECT timestamp_ns, session_id, job_id, rank, world_size, source_path, source_kind, event_type
FROM stage.identified_events
WHERE record_id = CAST($record_id AS VARCHAR)
ORDER BY timestamp_ns, session_id, source_id, file_id, line_number
LIMIT 1
