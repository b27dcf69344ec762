-- Text of metadata.severity_text, where SQL can say what text it is; NULL otherwise.
--
-- Fractions, lists and objects have a text too, which Python writes.
--
-- Args:
--   text_json VARCHAR: JSON text of the value, NULL when absent.
-- Returns: VARCHAR
-- Calls: prim.json_text
-- Source: docs/concepts.md#projection.
CREATE OR REPLACE MACRO projection.severity_text(text_json) AS
    (CASE
        WHEN starts_with(text_json, '"') THEN prim.json_text(text_json)
        WHEN text_json = 'true' THEN 'True'
        WHEN text_json = 'false' THEN 'False'
        WHEN regexp_full_match(text_json, '-?[0-9]+') THEN text_json
    END);

-- Tests
SELECT assert_equals('W', projection.severity_text('"W"'));
SELECT assert_equals('', projection.severity_text('""'));
SELECT assert_equals('False', projection.severity_text('false'));
SELECT assert_equals('-12', projection.severity_text('-12'));
SELECT assert_equals(NULL, projection.severity_text('null'));
SELECT assert_equals(NULL, projection.severity_text('1e-7'));
