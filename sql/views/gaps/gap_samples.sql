-- Samples that say how much device memory the allocator does not account for.
--
-- Reads: raw.events
-- Calls: telemetry.fragmented_bytes, telemetry.gap_bytes
-- Source: docs/concepts.md#hidden-memory.
CREATE OR REPLACE VIEW stage.gap_samples AS
SELECT
    source_id,
    session_id,
    file_id,
    line_number,
    timestamp_ns,
    telemetry.gap_bytes(event_type, device_total_bytes, device_used_bytes, allocator_reserved_bytes) AS gap_bytes,
    device_total_bytes AS total_bytes,
    allocator_reserved_bytes AS reserved_bytes,
    telemetry.fragmented_bytes(
        schema_version, allocator_allocated_bytes, allocator_reserved_bytes, allocator_inactive_bytes,
        is_fragmentation_known
    ) AS fragmented_bytes
FROM raw.events
WHERE telemetry.gap_bytes(event_type, device_total_bytes, device_used_bytes, allocator_reserved_bytes) IS NOT NULL;
