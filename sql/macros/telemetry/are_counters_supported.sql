-- Whether a version 4 record has only counters that its capabilities allow.
--
-- Args:
--   allocated, changed, reserved, active, inactive, used, free, total BIGINT: the counters of a record, in bytes, NULL
--     where the record has none.
--   may_have_allocated, may_have_reserved, may_have_active, may_have_inactive BOOLEAN: capabilities. A change is one
--     of allocated memory.
--   may_have_used, may_have_free, may_have_total BOOLEAN: further capabilities.
-- Returns: BOOLEAN
-- Source: docs/concepts.md#events.
CREATE OR REPLACE MACRO telemetry.are_counters_supported(
    allocated, changed, reserved, active, inactive, used, free, total,
    may_have_allocated, may_have_reserved, may_have_active, may_have_inactive, may_have_used, may_have_free,
    may_have_total
) AS
    ((may_have_allocated OR coalesce(allocated, changed) IS NULL)
        AND (may_have_reserved OR reserved IS NULL)
        AND (may_have_active OR active IS NULL)
        AND (may_have_inactive OR inactive IS NULL)
        AND (may_have_used OR used IS NULL)
        AND (may_have_free OR free IS NULL)
        AND (may_have_total OR total IS NULL));

-- Tests
SELECT assert_equals(true, telemetry.are_counters_supported(1, -1, 1, 1, 1, 1, 1, 1, true, true, true, true, true, true, true));
SELECT assert_equals(true, telemetry.are_counters_supported(NULL, NULL, 1, 1, 1, NULL, 1, 1, false, true, true, true, false, true, true));
SELECT assert_equals(false, telemetry.are_counters_supported(1, NULL, 1, 1, 1, 1, 1, 1, false, true, true, true, true, true, true));
SELECT assert_equals(false, telemetry.are_counters_supported(NULL, 1, 1, 1, 1, 1, 1, 1, false, true, true, true, true, true, true));
SELECT assert_equals(false, telemetry.are_counters_supported(1, 1, 1, 1, 1, 1, 1, 0, true, true, true, true, true, true, false));
