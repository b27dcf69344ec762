-- Whether the counters of a record are not negative, and neither used nor free memory exceeds the total.
--
-- Args:
--   allocated, reserved, active, inactive, used, free, total BIGINT: the counters of a record that have a smallest
--     value, in bytes, NULL where the record has none.
-- Returns: BOOLEAN, never NULL.
-- Source: docs/concepts.md#events.
CREATE OR REPLACE MACRO telemetry.are_plain_counters(allocated, reserved, active, inactive, used, free, total) AS
    (coalesce(least(allocated, reserved, active, inactive, used, free, total) >= 0, true)
        AND coalesce(used <= total, true)
        AND coalesce(free <= total, true));

-- Tests
SELECT assert_equals(true, telemetry.are_plain_counters(0, 1, 2, 3, 4, 5, 5));
SELECT assert_equals(true, telemetry.are_plain_counters(NULL, NULL, NULL, NULL, NULL, NULL, NULL));
SELECT assert_equals(true, telemetry.are_plain_counters(1, NULL, NULL, NULL, 9, 9, NULL));
SELECT assert_equals(false, telemetry.are_plain_counters(NULL, NULL, -1, NULL, NULL, NULL, NULL));
SELECT assert_equals(false, telemetry.are_plain_counters(0, 0, 0, 0, 6, 0, 5));
SELECT assert_equals(false, telemetry.are_plain_counters(0, 0, 0, 0, 0, 6, 5));
