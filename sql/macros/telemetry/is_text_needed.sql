-- Whether the text of a valid record is needed again: of evidence, phases, starts, exits, and what no column holds.
--
-- Args:
--   event_type VARCHAR: as written.
--   severity, health, backend VARCHAR: of the metadata, NULL where they are no texts.
--   backend_json VARCHAR: JSON text of metadata.backend, NULL when missing.
--   origin_json VARCHAR: JSON text of what the metadata says of an origin, NULL when it says nothing.
-- Returns: BOOLEAN
-- Calls: telemetry.may_describe_session
-- Source: docs/concepts.md#events.
CREATE OR REPLACE MACRO telemetry.is_text_needed(event_type, severity, health, backend, backend_json, origin_json) AS
    (telemetry.may_describe_session(event_type, severity, health)
        OR event_type = 'exit'
        OR (backend IS NULL AND coalesce(backend_json <> 'null', false))
        OR origin_json IS NOT NULL);

-- Tests
SELECT assert_equals(true, telemetry.is_text_needed('warning', NULL, NULL, 'cuda', '"cuda"', NULL));
SELECT assert_equals(true, telemetry.is_text_needed('phase_exit', NULL, NULL, 'cuda', '"cuda"', NULL));
SELECT assert_equals(true, telemetry.is_text_needed('sample', NULL, NULL, NULL, '5', NULL));
SELECT assert_equals(true, telemetry.is_text_needed('sample', NULL, NULL, 'cuda', '"cuda"', '7'));
SELECT assert_equals(false, telemetry.is_text_needed('sample', NULL, NULL, NULL, 'null', NULL));
SELECT assert_equals(true, telemetry.is_text_needed('start', NULL, NULL, NULL, NULL, NULL));
SELECT assert_equals(true, telemetry.is_text_needed('exit', NULL, NULL, NULL, NULL, NULL));
SELECT assert_equals(false, telemetry.is_text_needed('sample', NULL, NULL, NULL, NULL, NULL));
