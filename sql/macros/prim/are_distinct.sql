-- Whether no key of a JSON object occurs twice; true for values that are no objects, or missing.
--
-- Args:
--   keys VARCHAR[]: json_keys of the value.
-- Returns: BOOLEAN, never NULL.
-- Source: docs/concepts.md#events.
CREATE OR REPLACE MACRO prim.are_distinct(keys) AS
    (coalesce(list_unique(keys) = len(keys), true));

-- Tests
SELECT assert_equals(true, prim.are_distinct(json_keys('{"a": 1, "b": 2}')));
SELECT assert_equals(false, prim.are_distinct(json_keys('{"a": 1, "\u0061": 2}')));
SELECT assert_equals(true, prim.are_distinct(json_keys('{}')));
SELECT assert_equals(true, prim.are_distinct(json_keys('[1]')));
SELECT assert_equals(true, prim.are_distinct(json_keys('{}', '$.a')));
