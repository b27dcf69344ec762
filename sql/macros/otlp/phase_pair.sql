-- One id of a phase scope as an attribute of OTLP/JSON with the comma before it; nothing where it is absent or null.
--
-- Args:
--   scope VARCHAR: JSON text of metadata.phase_scope, NULL when absent.
--   field VARCHAR: name of the id in the scope.
-- Returns: VARCHAR, never NULL.
-- Calls: otlp.value, prim.json_at
-- Source: docs/concepts.md#otlp.
CREATE OR REPLACE MACRO otlp.phase_pair(scope, field) AS
    (CASE
        WHEN starts_with(scope, '{') AND prim.json_at(scope, concat('$.', field)) <> 'null'
            THEN concat(
                ',{"key":"phase.', field, '","value":',
                otlp.value(prim.json_at(scope, concat('$.', field))), '}'
            )
        ELSE ''
    END);

-- Tests
SELECT assert_equals(
    ',{"key":"phase.sequence","value":{"intValue":"0"}}', otlp.phase_pair('{"sequence":0}', 'sequence')
);
SELECT assert_equals('', otlp.phase_pair('{"sequence":null}', 'sequence'));
SELECT assert_equals('', otlp.phase_pair('["sequence"]', 'sequence'));
SELECT assert_equals('', otlp.phase_pair(NULL, 'sequence'));
