-- How a level rose over equal parts of the time: flat, steady or sudden.
--
-- Only what stayed counts: each level is lowered to the least of those after it. A rise of which half or more came
-- within a tenth of the time is sudden.
--
-- Args:
--   levels BIGINT[]: one level for each part, NULL for parts without samples, then the level at the end.
--   threshold DOUBLE: rises below it are none.
-- Returns: VARCHAR, NULL for fewer than two levels.
-- Source: docs/why.md#memory.
CREATE OR REPLACE MACRO telemetry.growth_pattern(levels, threshold) AS
    (list_transform(
        [list_transform(range(1, len(levels) + 1), lambda part: list_min(list_slice(levels, part, len(levels))))],
        lambda lasting: CASE
            WHEN len(lasting) < 2 THEN NULL
            WHEN lasting[-1] - lasting[1] < threshold OR lasting[-1] <= lasting[1] THEN 'flat'
            WHEN list_max(
                list_transform(
                    range(1, len(lasting)),
                    lambda part: lasting[least(part + greatest(1, (len(lasting) - 1) // 10), len(lasting))]
                    - lasting[part]
                )
            ) * 2 >= lasting[-1] - lasting[1] THEN 'sudden'
            ELSE 'steady'
        END
    )[1]);

-- Tests
SELECT assert_equals('flat', telemetry.growth_pattern([10, 30, 10, 20, 10, 10], 5));
SELECT assert_equals('steady', telemetry.growth_pattern([10, 13, 16, 19, 22], 5));
SELECT assert_equals('sudden', telemetry.growth_pattern([10, 10, 10, 10, 30], 5));
SELECT assert_equals('sudden', telemetry.growth_pattern([10, 30, NULL, 30, 31], 5));
SELECT assert_equals(NULL, telemetry.growth_pattern([10], 5));
