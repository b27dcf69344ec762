-- Whether a record has the counters that a version 3 record needs.
--
-- Args:
--   allocated, changed, reserved, used BIGINT: counters of a record, in bytes, NULL where the record has none.
-- Returns: BOOLEAN, never NULL.
-- Source: docs/concepts.md#events.
CREATE OR REPLACE MACRO telemetry.has_core_counters(allocated, changed, reserved, used) AS
    (allocated IS NOT NULL AND changed IS NOT NULL AND reserved IS NOT NULL AND used IS NOT NULL);

-- Tests
SELECT assert_equals(true, telemetry.has_core_counters(0, 0, 0, 0));
SELECT assert_equals(false, telemetry.has_core_counters(NULL, 0, 0, 0));
SELECT assert_equals(false, telemetry.has_core_counters(0, NULL, 0, 0));
SELECT assert_equals(false, telemetry.has_core_counters(0, 0, NULL, 0));
SELECT assert_equals(false, telemetry.has_core_counters(0, 0, 0, NULL));
