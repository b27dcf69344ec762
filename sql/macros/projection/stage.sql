-- Phase that an event's metadata names, untrimmed: the name of its scope, else the last item of the path.
--
-- Args:
--   scope VARCHAR: JSON text of metadata.phase_scope, NULL when absent.
-- Returns: VARCHAR, NULL when no phase is named.
-- Calls: prim.json_at, prim.json_last, prim.json_text, prim.trim_blanks
-- Source: docs/concepts.md#projection.
CREATE OR REPLACE MACRO projection.stage(scope) AS
    (CASE
        WHEN NOT starts_with(scope, '{') THEN NULL
        WHEN prim.trim_blanks(prim.json_text(prim.json_at(scope, '$.name'))) <> ''
            THEN prim.json_text(prim.json_at(scope, '$.name'))
        WHEN prim.trim_blanks(prim.json_text(prim.json_last(prim.json_at(scope, '$.path')))) <> ''
            THEN prim.json_text(prim.json_last(prim.json_at(scope, '$.path')))
    END);

-- Tests
SELECT assert_equals(' forward', projection.stage('{"name": " forward", "path": ["train"]}'));
SELECT assert_equals('inner', projection.stage('{"name": "  ", "path": ["outer", "inner"]}'));
SELECT assert_equals(NULL, projection.stage('{"path": ["outer", ""]}'));
SELECT assert_equals(NULL, projection.stage('{"path": "outer"}'));
SELECT assert_equals(NULL, projection.stage('["name"]'));
SELECT assert_equals(NULL, projection.stage(NULL));
