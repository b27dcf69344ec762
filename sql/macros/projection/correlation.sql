-- Correlation of a projected record: what it has in common with others.
--
-- Args:
--   session_id, job_id VARCHAR: session, and distributed job or NULL.
--   rank, local_rank, world_size BIGINT: place in the job.
--   scope VARCHAR: JSON text of metadata.phase_scope, NULL when absent.
-- Returns: VARCHAR, a JSON object; ids of the phase only where the scope has them.
-- Calls: prim.integer_to_json, prim.json_quote, projection.phase_member
-- Source: docs/concepts.md#projection.
CREATE OR REPLACE MACRO projection.correlation(session_id, job_id, rank, local_rank, world_size, scope) AS
    (concat(
        '{"session_id":', prim.json_quote(session_id),
        ',"job_id":', prim.json_quote(job_id),
        ',"rank":', prim.integer_to_json(rank),
        ',"local_rank":', prim.integer_to_json(local_rank),
        ',"world_size":', prim.integer_to_json(world_size),
        projection.phase_member(scope, '$.scope_id', ',"phase.scope_id":'),
        projection.phase_member(scope, '$.parent_scope_id', ',"phase.parent_scope_id":'),
        projection.phase_member(scope, '$.sequence', ',"phase.sequence":'),
        '}'
    ));

-- Tests
SELECT assert_equals(
    '{"session_id":"s","job_id":null,"rank":0,"local_rank":0,"world_size":1}',
    projection.correlation('s', NULL, 0, 0, 1, NULL)
);
SELECT assert_equals(
    '{"session_id":"s","job_id":"j","rank":3,"local_rank":1,"world_size":8,"phase.scope_id":"s:2","phase.sequence":0}',
    projection.correlation('s', 'j', 3, 1, 8, '{"scope_id": "s:2", "parent_scope_id": null, "sequence": 0}')
);
SELECT assert_equals(
    '{"session_id":"s","job_id":null,"rank":0,"local_rank":0,"world_size":1}',
    projection.correlation('s', NULL, 0, 0, 1, '["scope_id"]')
);
