-- Whether a JSON value is null or an integer that fits 64 bits.
--
-- Args:
--   json_value VARCHAR: JSON text of the value, NULL when the key is missing.
--   integer_value BIGINT: the same value cast, NULL when that failed.
-- Returns: BOOLEAN, NULL when the key is missing.
-- Source: docs/concepts.md#events.
CREATE OR REPLACE MACRO telemetry.is_integer_or_null(json_value, integer_value) AS
    (json_value = 'null' OR integer_value IS NOT NULL);

-- Tests
SELECT assert_equals(true, telemetry.is_integer_or_null('null', NULL));
SELECT assert_equals(true, telemetry.is_integer_or_null('-5', -5));
SELECT assert_equals(false, telemetry.is_integer_or_null('99999999999999999999', NULL));
SELECT assert_equals(NULL, coalesce(telemetry.is_integer_or_null(NULL, NULL), NULL));
