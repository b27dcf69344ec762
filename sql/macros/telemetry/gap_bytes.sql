-- Device memory of a sample that the allocator does not account for; NULL where an event does not say.
--
-- Args:
--   event_type VARCHAR: what happened.
--   device_total_bytes BIGINT: size of the device.
--   device_used_bytes BIGINT: bytes in use on the device.
--   allocator_reserved_bytes BIGINT: bytes the allocator holds.
-- Returns: BIGINT bytes, negative where the allocator claims more than the device.
-- Calls: telemetry.is_sample
-- Source: docs/concepts.md#hidden-memory.
CREATE OR REPLACE MACRO telemetry.gap_bytes(
    event_type, device_total_bytes, device_used_bytes, allocator_reserved_bytes
) AS
    (CASE
        WHEN telemetry.is_sample(event_type) AND device_total_bytes > 0
            THEN device_used_bytes - allocator_reserved_bytes
    END);

-- Tests
SELECT assert_equals(3, telemetry.gap_bytes('sample', 10, 5, 2));
SELECT assert_equals(NULL, telemetry.gap_bytes('sample', 0, 0, 0));
SELECT assert_equals(NULL, telemetry.gap_bytes('sample', 10, NULL, 2));
SELECT assert_equals(NULL, telemetry.gap_bytes('phase_enter', 10, 5, 2));
