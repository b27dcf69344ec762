-- A record as the line that its writer wrote: sorted keys, ", " and ": ", ASCII escapes.
--
-- Args:
--   allocator_active_bytes, allocator_allocated_bytes, allocator_change_bytes BIGINT: counters, in bytes.
--   allocator_inactive_bytes, allocator_reserved_bytes BIGINT: counters, in bytes.
--   collector, context VARCHAR: texts.
--   device_free_bytes, device_id, device_total_bytes, device_used_bytes BIGINT: the device and its counters.
--   event_type, host, job_id VARCHAR: texts.
--   local_rank BIGINT: left out where it is NULL, because null is no value for it.
--   metadata VARCHAR: JSON text of an object, taken as it stands.
--   pid BIGINT: process.
--   rank BIGINT: left out where it is NULL.
--   sampling_interval_ms, schema_version BIGINT: interval and version.
--   session_id VARCHAR: text.
--   timestamp_ns BIGINT: time.
--   world_size BIGINT: left out where it is NULL.
-- Returns: VARCHAR, never NULL.
-- Calls: prim.integer_to_json, prim.json_ascii
-- Source: docs/concepts.md#projection.
CREATE OR REPLACE MACRO telemetry.record_text(
    allocator_active_bytes, allocator_allocated_bytes, allocator_change_bytes, allocator_inactive_bytes,
    allocator_reserved_bytes, collector, context, device_free_bytes,
    device_id, device_total_bytes, device_used_bytes, event_type,
    host, job_id, local_rank, metadata,
    pid, rank, sampling_interval_ms, schema_version,
    session_id, timestamp_ns, world_size
) AS
    (concat(
        '{"allocator_active_bytes": ', prim.integer_to_json(allocator_active_bytes),
        ', "allocator_allocated_bytes": ', prim.integer_to_json(allocator_allocated_bytes),
        ', "allocator_change_bytes": ', prim.integer_to_json(allocator_change_bytes),
        ', "allocator_inactive_bytes": ', prim.integer_to_json(allocator_inactive_bytes),
        ', "allocator_reserved_bytes": ', prim.integer_to_json(allocator_reserved_bytes),
        ', "collector": ', prim.json_ascii(collector),
        ', "context": ', prim.json_ascii(context),
        ', "device_free_bytes": ', prim.integer_to_json(device_free_bytes),
        ', "device_id": ', prim.integer_to_json(device_id),
        ', "device_total_bytes": ', prim.integer_to_json(device_total_bytes),
        ', "device_used_bytes": ', prim.integer_to_json(device_used_bytes),
        ', "event_type": ', prim.json_ascii(event_type),
        ', "host": ', prim.json_ascii(host),
        ', "job_id": ', prim.json_ascii(job_id),
        CASE WHEN (local_rank) IS NULL THEN '' ELSE concat(', "local_rank": ', local_rank) END,
        ', "metadata": ', coalesce(metadata, 'null'),
        ', "pid": ', prim.integer_to_json(pid),
        CASE WHEN (rank) IS NULL THEN '' ELSE concat(', "rank": ', rank) END,
        ', "sampling_interval_ms": ', prim.integer_to_json(sampling_interval_ms),
        ', "schema_version": ', prim.integer_to_json(schema_version),
        ', "session_id": ', prim.json_ascii(session_id),
        ', "timestamp_ns": ', prim.integer_to_json(timestamp_ns),
        CASE WHEN (world_size) IS NULL THEN '' ELSE concat(', "world_size": ', world_size) END,
        '}'
    ));

-- Tests
SELECT assert_equals(
    '{"allocator_active_bytes": null, "allocator_allocated_bytes": 1, "allocator_change_bytes": -2, "allocator_inactive_bytes": null, "allocator_reserved_bytes": 3, "collector": "c", "context": "\u00e9", "device_free_bytes": null, "device_id": 0, "device_total_bytes": null, "device_used_bytes": 4, "event_type": "sample", "host": "h", "job_id": null, "metadata": {"a": 1}, "pid": 7, "rank": 0, "sampling_interval_ms": 100, "schema_version": 3, "session_id": "s", "timestamp_ns": 5, "world_size": 1}',
    telemetry.record_text(NULL, 1, -2, NULL, 3, 'c', 'é', NULL, 0, NULL, 4, 'sample', 'h', NULL, NULL, '{"a": 1}', 7, 0, 100, 3, 's', 5, 1)
);
SELECT assert_equals(
    '{"allocator_active_bytes": null, "allocator_allocated_bytes": null, "allocator_change_bytes": null, "allocator_inactive_bytes": null, "allocator_reserved_bytes": null, "collector": null, "context": null, "device_free_bytes": null, "device_id": null, "device_total_bytes": null, "device_used_bytes": null, "event_type": null, "host": null, "job_id": null, "metadata": null, "pid": null, "sampling_interval_ms": null, "schema_version": null, "session_id": null, "timestamp_ns": null}',
    telemetry.record_text(NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL)
);
SELECT assert_equals(
    true,
    telemetry.is_canonical_text(telemetry.record_text(1, 2, 3, 4, 5, 'c', 'say "x"', 6, 7, 8, 9, 'sample', 'h', 'j', 0, '{}', 1, 0, 1, 3, 's', 5, 1))
);
