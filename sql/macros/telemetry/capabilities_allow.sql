-- Whether the capabilities of a version 4 record are complete and allow the counters that it has.
--
-- Args:
--   capabilities VARCHAR: JSON text of metadata.memory_capabilities, NULL when missing.
--   allocated, changed, reserved, active, inactive, used, free, total BIGINT: the record's counters, in bytes.
-- Returns: BOOLEAN
-- Source: docs/concepts.md#events.
CREATE OR REPLACE MACRO telemetry.capabilities_allow(
    capabilities, allocated, changed, reserved, active, inactive, used, free, total
) AS
    (capabilities IS NOT NULL
        AND starts_with(capabilities, '{')
        AND len(json_keys(capabilities)) = 14
        AND telemetry.is_plain_text(prim.json_at(capabilities, '$.backend'))
        AND telemetry.is_plain_text(prim.json_at(capabilities, '$.telemetry_collector'))
        AND telemetry.is_plain_text(prim.json_at(capabilities, '$.sampling_source'))
        AND prim.json_at(capabilities, '$.supports_allocator_allocated') IN ('true', 'false')
        AND prim.json_at(capabilities, '$.supports_allocator_reserved') IN ('true', 'false')
        AND prim.json_at(capabilities, '$.supports_allocator_active') IN ('true', 'false')
        AND prim.json_at(capabilities, '$.supports_allocator_inactive') IN ('true', 'false')
        AND prim.json_at(capabilities, '$.supports_device_used') IN ('true', 'false')
        AND prim.json_at(capabilities, '$.supports_device_free') IN ('true', 'false')
        AND prim.json_at(capabilities, '$.supports_device_total') IN ('true', 'false')
        AND prim.json_at(capabilities, '$.supports_native_allocator_history') IN ('true', 'false')
        AND prim.json_at(capabilities, '$.supports_fragmentation_analysis') IN ('true', 'false')
        AND prim.json_at(capabilities, '$.supports_allocator_attribution') IN ('true', 'false')
        AND prim.json_at(capabilities, '$.supports_bounded_profiling') IN ('true', 'false')
        AND ((allocated) IS NULL OR prim.json_at(capabilities, '$.supports_allocator_allocated') = 'true')
        AND ((changed) IS NULL OR prim.json_at(capabilities, '$.supports_allocator_allocated') = 'true')
        AND ((reserved) IS NULL OR prim.json_at(capabilities, '$.supports_allocator_reserved') = 'true')
        AND ((active) IS NULL OR prim.json_at(capabilities, '$.supports_allocator_active') = 'true')
        AND ((inactive) IS NULL OR prim.json_at(capabilities, '$.supports_allocator_inactive') = 'true')
        AND ((used) IS NULL OR prim.json_at(capabilities, '$.supports_device_used') = 'true')
        AND ((free) IS NULL OR prim.json_at(capabilities, '$.supports_device_free') = 'true')
        AND ((total) IS NULL OR prim.json_at(capabilities, '$.supports_device_total') = 'true'));

-- Tests
SELECT assert_equals(true, telemetry.capabilities_allow('{"supports_allocator_allocated": true, "supports_allocator_reserved": true, "supports_allocator_active": true, "supports_allocator_inactive": true, "supports_device_used": true, "supports_device_free": true, "supports_device_total": true, "supports_native_allocator_history": true, "supports_fragmentation_analysis": true, "supports_allocator_attribution": true, "supports_bounded_profiling": true, "backend": "cuda", "telemetry_collector": "c", "sampling_source": "s"}', 1, 1, 1, 1, 1, 1, 1, NULL));
SELECT assert_equals(
    false,
    telemetry.capabilities_allow('{"supports_allocator_allocated": true, "supports_allocator_reserved": true, "supports_allocator_active": true, "supports_allocator_inactive": true, "supports_device_used": false, "supports_device_free": true, "supports_device_total": true, "supports_native_allocator_history": true, "supports_fragmentation_analysis": true, "supports_allocator_attribution": true, "supports_bounded_profiling": true, "backend": "cuda", "telemetry_collector": "c", "sampling_source": "s"}', 1, 1, 1, 1, 1, 1, 1, NULL)
);
SELECT assert_equals(
    true,
    telemetry.capabilities_allow('{"supports_allocator_allocated": true, "supports_allocator_reserved": true, "supports_allocator_active": true, "supports_allocator_inactive": true, "supports_device_used": false, "supports_device_free": true, "supports_device_total": true, "supports_native_allocator_history": true, "supports_fragmentation_analysis": true, "supports_allocator_attribution": true, "supports_bounded_profiling": true, "backend": "cuda", "telemetry_collector": "c", "sampling_source": "s"}', 1, 1, 1, 1, 1, NULL, 1, NULL)
);
SELECT assert_equals(false, telemetry.capabilities_allow('{"backend": "cuda"}', 1, 1, 1, 1, 1, 1, 1, 1));
SELECT assert_equals(false, telemetry.capabilities_allow(NULL, 1, 1, 1, 1, 1, 1, 1, 1));
