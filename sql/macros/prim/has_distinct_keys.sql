-- Whether no key of a JSON object occurs twice; true for values that are no objects.
--
-- Args:
--   json_value VARCHAR: JSON text of one value.
-- Returns: BOOLEAN, NULL for NULL.
-- Source: docs/concepts.md#events.
CREATE OR REPLACE MACRO prim.has_distinct_keys(json_value) AS
    (coalesce(list_unique(json_keys(json_value)), 0) = coalesce(len(json_keys(json_value)), 0));

-- Tests
SELECT assert_equals(true, prim.has_distinct_keys('{"a": 1, "b": 2}'));
SELECT assert_equals(false, prim.has_distinct_keys('{"a": 1, "\u0061": 2}'));
SELECT assert_equals(true, prim.has_distinct_keys('{}'));
SELECT assert_equals(true, prim.has_distinct_keys('[1]'));
SELECT assert_equals(true, prim.has_distinct_keys('5'));
