-- JSON text of the value at a path; NULL when the path does not exist, 'null' for a JSON null.
--
-- Args:
--   json_document VARCHAR: a JSON document.
--   path VARCHAR: path such as '$.metadata.backend'.
-- Returns: VARCHAR
-- Source: docs/concepts.md#text-rules.
CREATE OR REPLACE MACRO prim.json_at(json_document, path) AS
    (CAST(json_extract(json_document, path) AS VARCHAR));

-- Tests
SELECT assert_equals('"x"', prim.json_at('{"a": "x"}', '$.a'));
SELECT assert_equals('null', prim.json_at('{"a": null}', '$.a'));
SELECT assert_equals(NULL, prim.json_at('{"a": 1}', '$.b'));
