-- Whether a text starts with a printable ASCII character, hence is not blank: `is_plain_text` without quotes.
--
-- Args:
--   text_value VARCHAR: any text.
-- Returns: BOOLEAN; false also for texts that need a closer look.
-- Source: docs/concepts.md#events.
CREATE OR REPLACE MACRO telemetry.is_plain_value(text_value) AS
    (text_value >= '!' AND text_value < '~' AND NOT starts_with(text_value, '"') AND NOT starts_with(text_value, '\'));

-- Tests
SELECT assert_equals(true, telemetry.is_plain_value('node-a'));
SELECT assert_equals(false, telemetry.is_plain_value(''));
SELECT assert_equals(false, telemetry.is_plain_value(' padded'));
SELECT assert_equals(false, telemetry.is_plain_value('"quoted'));
SELECT assert_equals(false, telemetry.is_plain_value('\u0020'));
SELECT assert_equals(false, telemetry.is_plain_value('éa'));
