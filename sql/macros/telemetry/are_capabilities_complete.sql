-- Whether the capabilities of a version 4 record are all there, each with a value that it may have, and no others.
--
-- Args:
--   capabilities VARCHAR[]: telemetry.capability_values of metadata.memory_capabilities, NULL when missing.
--   key_count BIGINT: how many keys these capabilities have.
-- Returns: BOOLEAN
-- Calls: telemetry.is_plain_text
-- Source: docs/concepts.md#events.
CREATE OR REPLACE MACRO telemetry.are_capabilities_complete(capabilities, key_count) AS
    (key_count = 14
        -- Three texts, then eleven flags.
        AND telemetry.is_plain_text(capabilities[1])
        AND telemetry.is_plain_text(capabilities[2])
        AND telemetry.is_plain_text(capabilities[3])
        AND regexp_full_match(array_to_string(capabilities[4:14], ','), '(?:(?:true|false),){10}(?:true|false)'));

-- Tests
SELECT assert_equals(true, telemetry.are_capabilities_complete(telemetry.capability_values('{"supports_allocator_allocated": true, "supports_allocator_reserved": true, "supports_allocator_active": true, "supports_allocator_inactive": true, "supports_device_used": false, "supports_device_free": true, "supports_device_total": true, "supports_native_allocator_history": true, "supports_fragmentation_analysis": true, "supports_allocator_attribution": true, "supports_bounded_profiling": true, "backend": "cuda", "telemetry_collector": "c", "sampling_source": "s"}'), 14));
SELECT assert_equals(false, telemetry.are_capabilities_complete(telemetry.capability_values('{"supports_allocator_allocated": true, "supports_allocator_reserved": true, "supports_allocator_active": true, "supports_allocator_inactive": true, "supports_device_used": false, "supports_device_free": true, "supports_device_total": true, "supports_native_allocator_history": true, "supports_fragmentation_analysis": true, "supports_allocator_attribution": true, "supports_bounded_profiling": true, "backend": "cuda", "telemetry_collector": "c", "sampling_source": "s"}'), 15));
SELECT assert_equals(false, telemetry.are_capabilities_complete(telemetry.capability_values('{"supports_allocator_allocated": true, "supports_allocator_reserved": true, "supports_allocator_active": true, "supports_allocator_inactive": true, "supports_device_used": false, "supports_device_free": true, "supports_device_total": true, "supports_native_allocator_history": true, "supports_fragmentation_analysis": true, "supports_allocator_attribution": true, "supports_bounded_profiling": true, "backend": "", "telemetry_collector": "c", "sampling_source": "s"}'), 14));
SELECT assert_equals(false, telemetry.are_capabilities_complete(telemetry.capability_values('{"supports_allocator_allocated": true, "supports_allocator_reserved": true, "supports_allocator_active": true, "supports_allocator_inactive": true, "supports_device_used": false, "supports_device_free": true, "supports_device_total": 1, "supports_native_allocator_history": true, "supports_fragmentation_analysis": true, "supports_allocator_attribution": true, "supports_bounded_profiling": true, "backend": "cuda", "telemetry_collector": "c", "sampling_source": "s"}'), 14));
SELECT assert_equals(false, telemetry.are_capabilities_complete(telemetry.capability_values('{"backend": "cuda"}'), 1));
SELECT assert_equals(NULL, telemetry.are_capabilities_complete(NULL, NULL));
