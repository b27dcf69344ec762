-- JSON text of the last item of a JSON list; NULL for an empty list and for anything else.
--
-- Args:
--   json_value VARCHAR: JSON text of one value.
-- Returns: VARCHAR
-- Source: docs/concepts.md#text-rules.
CREATE OR REPLACE MACRO prim.json_last(json_value) AS
    (CASE WHEN starts_with(json_value, '[') THEN CAST(json_extract(json_value, '$[#-1]') AS VARCHAR) END);

-- Tests
SELECT assert_equals('"b"', prim.json_last('["a", "b"]'));
SELECT assert_equals('3', prim.json_last('[3]'));
SELECT assert_equals(NULL, prim.json_last('[]'));
SELECT assert_equals(NULL, prim.json_last('"text"'));
SELECT assert_equals(NULL, prim.json_last(NULL));
