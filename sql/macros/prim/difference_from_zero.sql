-- How much one number exceeds another, never less than 0.
--
-- Args:
--   minuend, subtrahend BIGINT: any numbers.
-- Returns: BIGINT, NULL where either is NULL.
-- Source: docs/why.md#memory.
CREATE OR REPLACE MACRO prim.difference_from_zero(minuend, subtrahend) AS
    (CASE WHEN minuend - subtrahend < 0 THEN 0 ELSE minuend - subtrahend END);

-- Tests
SELECT assert_equals(2, prim.difference_from_zero(5, 3));
SELECT assert_equals(0, prim.difference_from_zero(3, 5));
SELECT assert_equals(NULL, prim.difference_from_zero(NULL, 5));
