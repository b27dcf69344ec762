-- A text as a JSON string, NULL as the JSON null.
--
-- Args:
--   text_value VARCHAR: any text.
-- Returns: VARCHAR, never NULL.
-- Source: docs/concepts.md#text-rules.
CREATE OR REPLACE MACRO prim.json_quote(text_value) AS
    (coalesce(CAST(to_json(text_value) AS VARCHAR), 'null'));

-- Tests
SELECT assert_equals('"cuda"', prim.json_quote('cuda'));
SELECT assert_equals('"a\"b"', prim.json_quote('a"b'));
SELECT assert_equals('null', prim.json_quote(NULL));
