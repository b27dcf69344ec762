-- Whether the capabilities of a version 4 record are complete and allow the counters that it has.
--
-- Args:
--   capabilities VARCHAR[]: telemetry.capability_values of metadata.memory_capabilities, NULL when missing.
--   key_count BIGINT: how many keys these capabilities have.
--   allocated, changed, reserved, active, inactive, used, free, total BIGINT: the record's counters, in bytes.
-- Returns: BOOLEAN
-- Calls: telemetry.is_plain_text
-- Source: docs/concepts.md#events.
CREATE OR REPLACE MACRO telemetry.capabilities_allow(
    capabilities, key_count, allocated, changed, reserved, active, inactive, used, free, total
) AS
    (key_count = 14
        AND telemetry.is_plain_text(capabilities[1])
        AND telemetry.is_plain_text(capabilities[2])
        AND telemetry.is_plain_text(capabilities[3])
        AND regexp_full_match(array_to_string(capabilities[4:14], ','), '(?:(?:true|false),){10}(?:true|false)')
        AND (allocated IS NULL OR capabilities[4] = 'true')
        AND (changed IS NULL OR capabilities[4] = 'true')
        AND (reserved IS NULL OR capabilities[5] = 'true')
        AND (active IS NULL OR capabilities[6] = 'true')
        AND (inactive IS NULL OR capabilities[7] = 'true')
        AND (used IS NULL OR capabilities[8] = 'true')
        AND (free IS NULL OR capabilities[9] = 'true')
        AND (total IS NULL OR capabilities[10] = 'true'));

-- Tests
SELECT assert_equals(true, telemetry.capabilities_allow(telemetry.capability_values('{"supports_allocator_allocated": true, "supports_allocator_reserved": true, "supports_allocator_active": true, "supports_allocator_inactive": true, "supports_device_used": true, "supports_device_free": true, "supports_device_total": true, "supports_native_allocator_history": true, "supports_fragmentation_analysis": true, "supports_allocator_attribution": true, "supports_bounded_profiling": true, "backend": "cuda", "telemetry_collector": "c", "sampling_source": "s"}'), 14, 1, 1, 1, 1, 1, 1, 1, NULL));
SELECT assert_equals(
    false,
    telemetry.capabilities_allow(telemetry.capability_values('{"supports_allocator_allocated": true, "supports_allocator_reserved": true, "supports_allocator_active": true, "supports_allocator_inactive": true, "supports_device_used": false, "supports_device_free": true, "supports_device_total": true, "supports_native_allocator_history": true, "supports_fragmentation_analysis": true, "supports_allocator_attribution": true, "supports_bounded_profiling": true, "backend": "cuda", "telemetry_collector": "c", "sampling_source": "s"}'), 14, 1, 1, 1, 1, 1, 1, 1, NULL)
);
SELECT assert_equals(
    true,
    telemetry.capabilities_allow(telemetry.capability_values('{"supports_allocator_allocated": true, "supports_allocator_reserved": true, "supports_allocator_active": true, "supports_allocator_inactive": true, "supports_device_used": false, "supports_device_free": true, "supports_device_total": true, "supports_native_allocator_history": true, "supports_fragmentation_analysis": true, "supports_allocator_attribution": true, "supports_bounded_profiling": true, "backend": "cuda", "telemetry_collector": "c", "sampling_source": "s"}'), 14, 1, 1, 1, 1, 1, NULL, 1, NULL)
);
SELECT assert_equals(false, telemetry.capabilities_allow(telemetry.capability_values('{"backend": "cuda"}'), 1, 1, 1, 1, 1, 1, 1, 1, 1));
SELECT assert_equals(NULL, telemetry.capabilities_allow(NULL, NULL, 1, 1, 1, 1, 1, 1, 1, 1));
