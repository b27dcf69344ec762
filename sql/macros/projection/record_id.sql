-- Id of a record: the hash of its canonical text.
--
-- Args:
--   canonical_text VARCHAR: JSON text with sorted keys on every level, ", " and ": ", and ASCII escapes.
-- Returns: VARCHAR, 'telemetry-' and 32 hexadecimal digits.
-- Calls: prim.sha256_hex
-- Source: docs/concepts.md#projection.
CREATE OR REPLACE MACRO projection.record_id(canonical_text) AS
    (concat('telemetry-', left(prim.sha256_hex(canonical_text), 32)));

-- Tests
SELECT assert_equals(42, length(projection.record_id('{}')));
SELECT assert_equals('telemetry-44136fa355b3678a1146ad16f7e8649e', projection.record_id('{}'));
SELECT assert_equals(
    'telemetry-5510c1163216a1e1bd12f3e6597d84b8',
    projection.record_id('{"allocator_active_bytes": null, "allocator_allocated_bytes": 1048576, "allocator_change_bytes": 0, "allocator_inactive_bytes": null, "allocator_reserved_bytes": 2097152, "collector": "stormlog.cuda_tracker", "context": null, "device_free_bytes": null, "device_id": 0, "device_total_bytes": null, "device_used_bytes": 3145728, "event_type": "sample", "host": "node-a", "job_id": null, "local_rank": 0, "metadata": {}, "pid": 4242, "rank": 0, "sampling_interval_ms": 100, "schema_version": 3, "session_id": "sess-1", "timestamp_ns": 1700000000000000000, "world_size": 1}')
);
