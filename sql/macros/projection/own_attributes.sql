-- Metadata without the keys under which a projected record has its measures.
--
-- Args:
--   metadata VARCHAR: a JSON object without duplicate keys.
-- Returns: VARCHAR, a JSON object.
-- Calls: prim.json_without
-- Source: docs/concepts.md#projection.
CREATE OR REPLACE MACRO projection.own_attributes(metadata) AS
    (CASE
        WHEN contains(metadata, '"memory.') OR contains(metadata, '"sampling.')
            THEN prim.json_without(metadata, concat(
                '{"sampling.interval_ms":null,',
                '"memory.allocator.allocated_bytes":null,',
                '"memory.allocator.reserved_bytes":null,',
                '"memory.allocator.active_bytes":null,',
                '"memory.allocator.inactive_bytes":null,',
                '"memory.allocator.change_bytes":null,',
                '"memory.device.used_bytes":null,',
                '"memory.device.free_bytes":null,',
                '"memory.device.total_bytes":null}'
            ))
        ELSE metadata
    END);

-- Tests
SELECT assert_equals('{"a":1}', projection.own_attributes('{"a":1}'));
SELECT assert_equals('{"memory.x":2}', projection.own_attributes('{"memory.x":2,"memory.device.used_bytes":3}'));
SELECT assert_equals('{}', projection.own_attributes('{"sampling.interval_ms":null}'));
SELECT assert_equals(NULL, projection.own_attributes(NULL));
