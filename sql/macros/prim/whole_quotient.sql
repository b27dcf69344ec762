-- Whole part of a quotient of integers that are not negative.
--
-- Args:
--   part BIGINT: from 0.
--   whole BIGINT: from 1.
-- Returns: BIGINT.
-- Source: docs/concepts.md#hidden-memory.
CREATE OR REPLACE MACRO prim.whole_quotient(part, whole) AS
    (part // whole);

-- Tests
SELECT assert_equals(3, prim.whole_quotient(7, 2));
SELECT assert_equals(0, prim.whole_quotient(1, 2));
SELECT assert_equals(4611686018427387903, prim.whole_quotient(9223372036854775807, 2));
SELECT assert_equals(NULL, prim.whole_quotient(NULL, 2));
