-- Whether a line has no comma before a closing bracket, which DuckDB reads and JSON forbids.
--
-- Texts that merely contain such a pair also answer false: they get a closer look.
--
-- Args:
--   line VARCHAR: a line.
-- Returns: BOOLEAN
-- Source: docs/concepts.md#events.
CREATE OR REPLACE MACRO telemetry.has_strict_commas(line) AS
    (NOT contains(line, ',}') AND NOT contains(line, ', }') AND NOT contains(line, ',]') AND NOT contains(line, ', ]'));

-- Tests
SELECT assert_equals(true, telemetry.has_strict_commas('{"a": [1, 2]}'));
SELECT assert_equals(false, telemetry.has_strict_commas('{"a": [1, 2,]}'));
SELECT assert_equals(false, telemetry.has_strict_commas('{"a": 1, }'));
