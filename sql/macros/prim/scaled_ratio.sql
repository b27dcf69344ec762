-- Exact share of two counts, in units of 10^-15, cut (not rounded).
--
-- Sums of these integers do not depend on the order of the rows, sums of fractions do.
--
-- Args:
--   part BIGINT: zero or more.
--   whole BIGINT: more than zero.
-- Returns: DECIMAL(38, 0)
-- Source: docs/concepts.md#hidden-memory.
CREATE OR REPLACE MACRO prim.scaled_ratio(part, whole) AS
    (CAST((CAST(part AS HUGEINT) * 1000000000000000) // CAST(whole AS HUGEINT) AS DECIMAL(38, 0)));

-- Tests
SELECT assert_equals(500000000000000, prim.scaled_ratio(1, 2));
SELECT assert_equals(333333333333333, prim.scaled_ratio(1, 3));
SELECT assert_equals(0, prim.scaled_ratio(0, 7));
SELECT assert_equals(1000000000000000, prim.scaled_ratio(9223372036854775807, 9223372036854775807));
