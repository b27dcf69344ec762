-- Whether a JSON value is null or an integer that fits 64 bits and is not negative.
--
-- Args:
--   json_value VARCHAR: JSON text of the value, NULL when the key is missing.
--   integer_value BIGINT: the same value cast, NULL when that failed.
-- Returns: BOOLEAN, NULL when the key is missing.
-- Source: docs/concepts.md#events.
CREATE OR REPLACE MACRO telemetry.is_counter(json_value, integer_value) AS
    (json_value = 'null' OR coalesce(integer_value >= 0, false));

-- Tests
SELECT assert_equals(true, telemetry.is_counter('null', NULL));
SELECT assert_equals(true, telemetry.is_counter('5', 5));
SELECT assert_equals(false, telemetry.is_counter('-5', -5));
SELECT assert_equals(false, telemetry.is_counter('99999999999999999999', NULL));
