-- Bytes that count as fragmented in a sample; NULL when the record cannot tell.
--
-- Version 4 records say how much is inactive; older ones only how much is reserved and not allocated.
--
-- Args:
--   schema_version INTEGER: 3 or 4.
--   allocated, reserved, inactive BIGINT: counters in bytes.
--   is_known BOOLEAN: false when a version 4 record says that fragmentation cannot be computed.
-- Returns: BIGINT
-- Source: docs/concepts.md#hidden-memory.
CREATE OR REPLACE MACRO telemetry.fragmented_bytes(schema_version, allocated, reserved, inactive, is_known) AS
    (CASE
        WHEN coalesce(reserved, 0) = 0 THEN NULL
        WHEN schema_version = 4 THEN CASE WHEN is_known THEN inactive END
        ELSE greatest(0, reserved - allocated)
    END);

-- Tests
SELECT assert_equals(40, telemetry.fragmented_bytes(3, 60, 100, NULL, true));
SELECT assert_equals(0, telemetry.fragmented_bytes(3, 160, 100, 5, true));
SELECT assert_equals(NULL, telemetry.fragmented_bytes(3, 0, 0, 5, true));
SELECT assert_equals(5, telemetry.fragmented_bytes(4, 60, 100, 5, true));
SELECT assert_equals(NULL, telemetry.fragmented_bytes(4, 60, 100, 5, false));
SELECT assert_equals(NULL, telemetry.fragmented_bytes(4, 60, 100, NULL, true));
