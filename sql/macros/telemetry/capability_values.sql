-- JSON texts of the capabilities of a version 4 record, by their places: read once, looked at often.
--
-- The three texts come first, then the flags; telemetry.capability finds a flag by its name.
--
-- Args:
--   capabilities VARCHAR: JSON text of metadata.memory_capabilities.
-- Returns: VARCHAR[], NULL for what is missing.
-- Source: docs/concepts.md#events.
CREATE OR REPLACE MACRO telemetry.capability_values(capabilities) AS
    (CAST(
        json_extract(capabilities, [
            '$.backend',
            '$.telemetry_collector',
            '$.sampling_source',
            '$.supports_allocator_allocated',
            '$.supports_allocator_reserved',
            '$.supports_allocator_active',
            '$.supports_allocator_inactive',
            '$.supports_device_used',
            '$.supports_device_free',
            '$.supports_device_total',
            '$.supports_native_allocator_history',
            '$.supports_fragmentation_analysis',
            '$.supports_allocator_attribution',
            '$.supports_bounded_profiling'
        ]) AS VARCHAR[]
    ));

-- Tests
SELECT assert_equals(
    ['"cuda"', NULL, NULL, NULL, NULL, NULL, NULL, 'true', NULL, NULL, NULL, NULL, NULL, NULL],
    telemetry.capability_values('{"supports_device_used": true, "backend": "cuda"}')
);
SELECT assert_equals('[1]', telemetry.capability_values('{"supports_bounded_profiling": [1]}')[14]);
SELECT assert_equals(0, list_count(telemetry.capability_values('5')));
