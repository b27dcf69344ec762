-- Whether an event type is written with small letters and underscores only, so that it is its own JSON text.
--
-- Args:
--   event_type VARCHAR: as written.
-- Returns: BOOLEAN; false also for types that need a closer look.
-- Source: docs/concepts.md#events.
CREATE OR REPLACE MACRO telemetry.is_plain_event_type(event_type) AS
    (regexp_full_match(event_type, '[a-z_]+'));

-- Tests
SELECT assert_equals(true, telemetry.is_plain_event_type('phase_enter'));
SELECT assert_equals(false, telemetry.is_plain_event_type('Sample'));
SELECT assert_equals(false, telemetry.is_plain_event_type('sample '));
SELECT assert_equals(false, telemetry.is_plain_event_type(''));
