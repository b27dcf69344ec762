-- Series of memory samples: what their collector tells apart, one row per session, rank and device.
--
-- Reads: raw.events
-- Calls: telemetry.is_sample
-- Source: docs/why.md#memory.
CREATE OR REPLACE VIEW stage.memory_series AS
SELECT
    session_id,
    rank,
    device_id,
    -- Collectors of host memory see one number, and write it three times; those outside the process write it once.
    coalesce(
        bool_and(allocator_allocated_bytes = allocator_reserved_bytes AND allocator_reserved_bytes = device_used_bytes)
        AND count(allocator_allocated_bytes) > 0,
        false
    ) OR (
        device_id < 0 AND count(device_used_bytes) > 0
        AND count(allocator_allocated_bytes) = 0 AND count(allocator_reserved_bytes) = 0
    ) AS is_process,
    -- Without a device total, a use that always equals that of the allocator was copied from it.
    coalesce(
        bool_and(
            device_total_bytes IS NULL
            AND device_used_bytes = greatest(allocator_allocated_bytes, allocator_reserved_bytes)
        ),
        false
    ) AS is_use_copied
FROM raw.events
WHERE telemetry.is_sample(event_type)
GROUP BY session_id, rank, device_id;
