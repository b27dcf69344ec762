-- Attributes of a projected record: all metadata, and the measures under names of their own.
--
-- A measure wins over metadata of the same name.
--
-- Args:
--   metadata VARCHAR: a JSON object without duplicate keys.
--   interval_ms BIGINT: sampling interval, milliseconds.
--   allocated, reserved, active, inactive, changed, used, free, total BIGINT: counters in bytes.
-- Returns: VARCHAR, a JSON object.
-- Calls: prim.integer_to_json, projection.own_attributes
-- Source: docs/concepts.md#projection.
CREATE OR REPLACE MACRO projection.attributes(
    metadata, interval_ms, allocated, reserved, active, inactive, changed, used, free, total
) AS
    (concat(
        '{"sampling.interval_ms":', prim.integer_to_json(interval_ms),
        ',"memory.allocator.allocated_bytes":', prim.integer_to_json(allocated),
        ',"memory.allocator.reserved_bytes":', prim.integer_to_json(reserved),
        ',"memory.allocator.active_bytes":', prim.integer_to_json(active),
        ',"memory.allocator.inactive_bytes":', prim.integer_to_json(inactive),
        ',"memory.allocator.change_bytes":', prim.integer_to_json(changed),
        ',"memory.device.used_bytes":', prim.integer_to_json(used),
        ',"memory.device.free_bytes":', prim.integer_to_json(free),
        ',"memory.device.total_bytes":', prim.integer_to_json(total),
        CASE
            WHEN projection.own_attributes(metadata) = '{}' THEN '}'
            ELSE concat(',', substr(projection.own_attributes(metadata), 2))
        END
    ));

-- Tests
SELECT assert_equals(
    '{"sampling.interval_ms":1,"memory.allocator.allocated_bytes":2,"memory.allocator.reserved_bytes":3,"memory.allocator.active_bytes":null,"memory.allocator.inactive_bytes":null,"memory.allocator.change_bytes":-4,"memory.device.used_bytes":5,"memory.device.free_bytes":6,"memory.device.total_bytes":7}',
    projection.attributes('{}', 1, 2, 3, NULL, NULL, -4, 5, 6, 7)
);
SELECT assert_equals(
    '{"sampling.interval_ms":1,"memory.allocator.allocated_bytes":2,"memory.allocator.reserved_bytes":3,"memory.allocator.active_bytes":null,"memory.allocator.inactive_bytes":null,"memory.allocator.change_bytes":-4,"memory.device.used_bytes":5,"memory.device.free_bytes":6,"memory.device.total_bytes":7,"a":{"b":1}}',
    projection.attributes('{"a":{"b":1}}', 1, 2, 3, NULL, NULL, -4, 5, 6, 7)
);
SELECT assert_equals(
    projection.attributes('{"a":1}', 1, 2, 3, NULL, NULL, -4, 5, 6, 7),
    projection.attributes('{"memory.device.used_bytes":"x","a":1}', 1, 2, 3, NULL, NULL, -4, 5, 6, 7)
);
