-- Where the first event that has a record id is.
SELECT file_id, line_number, timestamp_ns
FROM stage.identified_events
WHERE record_id = CAST($record_id AS VARCHAR)
ORDER BY timestamp_ns, session_id, source_id, file_id, line_number
LIMIT 1
