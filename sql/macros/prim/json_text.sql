-- Text behind a JSON string; NULL for anything that is not a JSON string.
--
-- Args:
--   json_value VARCHAR: JSON text of one value, such as '"cuda"', '5' or 'null'.
-- Returns: VARCHAR
-- Source: docs/concepts.md#text-rules.
CREATE OR REPLACE MACRO prim.json_text(json_value) AS
    (CASE
        WHEN NOT starts_with(json_value, '"') THEN NULL
        WHEN contains(json_value, '\') THEN json_extract_string(json_value, '$')
        ELSE substr(json_value, 2, length(json_value) - 2)
    END);

-- Tests
SELECT assert_equals('cuda', prim.json_text('"cuda"'));
SELECT assert_equals('a"b', prim.json_text('"a\"b"'));
SELECT assert_equals('', prim.json_text('""'));
SELECT assert_equals(NULL, prim.json_text('5'));
SELECT assert_equals(NULL, prim.json_text('null'));
SELECT assert_equals('ünï', prim.json_text('"ünï"'));
