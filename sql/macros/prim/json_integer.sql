-- Integer behind a JSON number; NULL for fractions, exponents, texts and anything else.
--
-- Args:
--   json_value VARCHAR: JSON text of one value.
-- Returns: BIGINT
-- Source: docs/concepts.md#text-rules.
CREATE OR REPLACE MACRO prim.json_integer(json_value) AS
    (CASE WHEN regexp_full_match(json_value, '-?[0-9]+') THEN TRY_CAST(json_value AS BIGINT) END);

-- Tests
SELECT assert_equals(5, prim.json_integer('5'));
SELECT assert_equals(-7, prim.json_integer('-7'));
SELECT assert_equals(NULL, prim.json_integer('5.0'));
SELECT assert_equals(NULL, prim.json_integer('"5"'));
SELECT assert_equals(NULL, prim.json_integer('9223372036854775808'));
