-- One member of a correlation that a phase scope may have; nothing where it is absent or null.
--
-- Args:
--   scope VARCHAR: JSON text of metadata.phase_scope, NULL when absent.
--   path VARCHAR: path of the value in the scope.
--   label VARCHAR: what to write before the value.
-- Returns: VARCHAR, empty for nothing, never NULL.
-- Calls: prim.json_at
-- Source: docs/concepts.md#projection.
CREATE OR REPLACE MACRO projection.phase_member(scope, path, label) AS
    (CASE
        WHEN starts_with(scope, '{') AND prim.json_at(scope, path) <> 'null'
            THEN concat(label, prim.json_at(scope, path))
        ELSE ''
    END);

-- Tests
SELECT assert_equals(',"q":0', projection.phase_member('{"sequence": 0}', '$.sequence', ',"q":'));
SELECT assert_equals('', projection.phase_member('{"sequence": null}', '$.sequence', ',"q":'));
SELECT assert_equals('', projection.phase_member('[0]', '$.sequence', ',"q":'));
SELECT assert_equals('', projection.phase_member(NULL, '$.sequence', ',"q":'));
