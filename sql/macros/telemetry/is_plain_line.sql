-- Whether a line is of a bearable length and has no comma before a closing bracket, which DuckDB reads and JSON forbids.
--
-- Texts that merely contain such a comma also answer false: they get a closer look.
--
-- Args:
--   line VARCHAR: a line.
-- Returns: BOOLEAN
-- Source: docs/concepts.md#events.
CREATE OR REPLACE MACRO telemetry.is_plain_line(line) AS
    (strlen(line) <= 16777216 AND NOT regexp_matches(line, ',[ \t\n\r]*[}\]]'));

-- Tests
SELECT assert_equals(true, telemetry.is_plain_line('{"a": [1, 2]}'));
SELECT assert_equals(false, telemetry.is_plain_line('{"a": [1, 2,]}'));
SELECT assert_equals(false, telemetry.is_plain_line('{"a": 1, }'));
SELECT assert_equals(false, telemetry.is_plain_line(concat('{"a": 1,', chr(9), '}')));
SELECT assert_equals(false, telemetry.is_plain_line(repeat(' ', 16777217)));
