-- Whether the capabilities of a version 4 record have a flag set.
--
-- Args:
--   capabilities VARCHAR[]: telemetry.capability_values of metadata.memory_capabilities.
--   place INTEGER: place of the flag in them.
-- Returns: BOOLEAN, never NULL.
-- Source: docs/concepts.md#events.
CREATE OR REPLACE MACRO telemetry.capability(capabilities, place) AS
    (coalesce(capabilities[place] = 'true', false));

-- Tests
SELECT assert_equals(true, telemetry.capability(telemetry.capability_values('{"supports_device_used": true}'), 8));
SELECT assert_equals(false, telemetry.capability(telemetry.capability_values('{"supports_device_used": false}'), 8));
SELECT assert_equals(false, telemetry.capability(NULL, 8));
