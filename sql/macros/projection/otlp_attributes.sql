-- A JSON object as the attributes of OTLP/JSON: a list of {"key":"a","value":{"intValue":"5"}}.
--
-- Args:
--   json_document VARCHAR: a JSON object without blanks between tokens.
-- Returns: VARCHAR, a JSON list.
-- Calls: projection.otlp_value
-- Source: docs/concepts.md#otlp.
CREATE OR REPLACE MACRO projection.otlp_attributes(json_document) AS
    (regexp_extract(projection.otlp_value(json_document), '(?s)^\{"kvlistValue":\{"values":(.*)\}\}$', 1));

-- Tests
SELECT assert_equals('[{"key":"a","value":{"intValue":"5"}}]', projection.otlp_attributes('{"a":5}'));
SELECT assert_equals(
    '[{"key":"a","value":{"kvlistValue":{"values":[{"key":"b","value":{}}]}}}]',
    projection.otlp_attributes('{"a":{"b":null}}')
);
SELECT assert_equals('[]', projection.otlp_attributes('{}'));
