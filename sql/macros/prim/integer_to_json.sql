-- An integer as JSON, NULL as the JSON null.
--
-- Args:
--   integer_value BIGINT: any integer.
-- Returns: VARCHAR, never NULL.
-- Source: docs/concepts.md#text-rules.
CREATE OR REPLACE MACRO prim.integer_to_json(integer_value) AS
    (coalesce(CAST(integer_value AS VARCHAR), 'null'));

-- Tests
SELECT assert_equals('5', prim.integer_to_json(5));
SELECT assert_equals('-9223372036854775808', prim.integer_to_json(-9223372036854775808));
SELECT assert_equals('null', prim.integer_to_json(NULL));
