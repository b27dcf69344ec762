-- Whether the capabilities of a version 4 record have a flag set.
--
-- Args:
--   capabilities VARCHAR[]: telemetry.capability_values of metadata.memory_capabilities.
--   flag VARCHAR: name of the flag, for example 'supports_device_used'.
-- Returns: BOOLEAN, never NULL.
-- Source: docs/concepts.md#events.
CREATE OR REPLACE MACRO telemetry.capability(capabilities, flag) AS
    (coalesce(
        -- The names in the order of telemetry.capability_values.
        capabilities[list_position(
            [
                'backend', 'telemetry_collector', 'sampling_source',
                'supports_allocator_allocated', 'supports_allocator_reserved',
                'supports_allocator_active', 'supports_allocator_inactive',
                'supports_device_used', 'supports_device_free',
                'supports_device_total', 'supports_native_allocator_history',
                'supports_fragmentation_analysis', 'supports_allocator_attribution',
                'supports_bounded_profiling'
            ],
            flag
        )] = 'true',
        false
    ));

-- Tests
SELECT assert_equals(true, telemetry.capability(telemetry.capability_values('{"supports_device_used": true}'), 'supports_device_used'));
SELECT assert_equals(false, telemetry.capability(telemetry.capability_values('{"supports_device_used": true}'), 'supports_device_free'));
SELECT assert_equals(false, telemetry.capability(telemetry.capability_values('{"supports_device_used": false}'), 'supports_device_used'));
SELECT assert_equals(true, telemetry.capability(telemetry.capability_values('{"supports_bounded_profiling": true}'), 'supports_bounded_profiling'));
SELECT assert_equals(false, telemetry.capability(NULL, 'supports_device_used'));
