-- Where the first event with a record id is, among those that are kept as the text from which their ids are made.
--
-- Hashing takes long enough: of the view `events` all other texts would be parsed as well.
SELECT e.file_id, e.line_number, e.timestamp_ns
FROM raw.events AS e
SEMI JOIN stage.loaded_sessions AS s ON e.source_id = s.source_id AND e.session_id = s.session_id
WHERE coalesce(e.record_id, projection.record_id(e.record)) = CAST($record_id AS VARCHAR)
ORDER BY e.timestamp_ns, e.session_id, e.source_id, e.file_id, e.line_number
LIMIT 1
