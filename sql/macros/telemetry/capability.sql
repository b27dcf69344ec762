-- Whether the capabilities of a version 4 record have a flag set.
--
-- Args:
--   capabilities VARCHAR: JSON text of metadata.memory_capabilities.
--   path VARCHAR: path of the flag, such as '$.supports_device_used'.
-- Returns: BOOLEAN, never NULL.
-- Source: docs/concepts.md#events.
CREATE OR REPLACE MACRO telemetry.capability(capabilities, path) AS
    (coalesce(prim.json_at(capabilities, path) = 'true', false));

-- Tests
SELECT assert_equals(true, telemetry.capability('{"supports_device_used": true}', '$.supports_device_used'));
SELECT assert_equals(false, telemetry.capability('{"supports_device_used": false}', '$.supports_device_used'));
SELECT assert_equals(false, telemetry.capability(NULL, '$.supports_device_used'));
