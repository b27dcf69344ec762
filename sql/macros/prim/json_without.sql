-- A JSON object without the keys that another one names.
--
-- Args:
--   json_document VARCHAR: a JSON object.
--   unwanted VARCHAR: a JSON object with null under every key to leave out.
-- Returns: VARCHAR
-- Source: docs/concepts.md#text-rules.
CREATE OR REPLACE MACRO prim.json_without(json_document, unwanted) AS
    (CAST(json_merge_patch(json_document, unwanted) AS VARCHAR));

-- Tests
SELECT assert_equals('{"b":null,"c":{"a":2}}', prim.json_without('{"a": 1, "b": null, "c": {"a": 2}}', '{"a": null}'));
SELECT assert_equals('{"b":18446744073709551616123}', prim.json_without('{"a": 1, "b": 18446744073709551616123}', '{"a": null}'));
SELECT assert_equals('{}', prim.json_without('{"a": 1}', '{"a": null}'));
