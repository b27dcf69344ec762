-- Resource of a projected record: where the event comes from.
--
-- Args:
--   source_kind, collector, host VARCHAR: kind of device, collector and machine.
--   pid, device_id BIGINT: process id and device index.
--   job_id VARCHAR: distributed job, NULL for none.
--   rank, local_rank, world_size BIGINT: place in the job.
-- Returns: VARCHAR, a JSON object.
-- Calls: prim.integer_to_json, prim.json_quote
-- Source: docs/concepts.md#projection.
CREATE OR REPLACE MACRO projection.resource(
    source_kind, collector, host, pid, device_id, job_id, rank, local_rank, world_size
) AS
    (concat(
        '{"source_kind":', prim.json_quote(source_kind),
        ',"collector":', prim.json_quote(collector),
        ',"host":', prim.json_quote(host),
        ',"pid":', prim.integer_to_json(pid),
        ',"device_id":', prim.integer_to_json(device_id),
        ',"job_id":', prim.json_quote(job_id),
        ',"rank":', prim.integer_to_json(rank),
        ',"local_rank":', prim.integer_to_json(local_rank),
        ',"world_size":', prim.integer_to_json(world_size), '}'
    ));

-- Tests
SELECT assert_equals(
    '{"source_kind":"cuda","collector":"c","host":"h","pid":7,"device_id":0,"job_id":null,"rank":0,"local_rank":0,"world_size":1}',
    projection.resource('cuda', 'c', 'h', 7, 0, NULL, 0, 0, 1)
);
SELECT assert_equals(
    '{"source_kind":"gpu","collector":"a\"b","host":"h","pid":-1,"device_id":-1,"job_id":"j","rank":3,"local_rank":1,"world_size":8}',
    projection.resource('gpu', 'a"b', 'h', -1, -1, 'j', 3, 1, 8)
);
SELECT assert_equals(
    '{"source_kind":null,"collector":null,"host":null,"pid":null,"device_id":null,"job_id":null,"rank":null,"local_rank":null,"world_size":null}',
    projection.resource(NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL)
);
