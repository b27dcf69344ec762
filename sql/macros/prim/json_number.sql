-- An integer as JSON, NULL as the JSON null.
--
-- Args:
--   integer_value BIGINT: any integer.
-- Returns: VARCHAR, never NULL.
-- Source: docs/concepts.md#text-rules.
CREATE OR REPLACE MACRO prim.json_number(integer_value) AS
    (coalesce(CAST(integer_value AS VARCHAR), 'null'));

-- Tests
SELECT assert_equals('5', prim.json_number(5));
SELECT assert_equals('-9223372036854775808', prim.json_number(-9223372036854775808));
SELECT assert_equals('null', prim.json_number(NULL));
