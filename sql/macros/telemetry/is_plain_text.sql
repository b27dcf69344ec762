-- Whether a JSON value is a string that starts with a printable ASCII character, hence is not blank.
--
-- Args:
--   json_value VARCHAR: JSON text of one value.
-- Returns: BOOLEAN; false also for texts that need a closer look.
-- Source: docs/concepts.md#events.
CREATE OR REPLACE MACRO telemetry.is_plain_text(json_value) AS
    (json_value >= '"!' AND json_value < '"~' AND json_value <> '""' AND NOT starts_with(json_value, '"\'));

-- Tests
SELECT assert_equals(true, telemetry.is_plain_text('"sample"'));
SELECT assert_equals(false, telemetry.is_plain_text('" padded"'));
SELECT assert_equals(false, telemetry.is_plain_text('""'));
SELECT assert_equals(false, telemetry.is_plain_text('5'));
SELECT assert_equals(false, telemetry.is_plain_text('null'));
SELECT assert_equals(false, telemetry.is_plain_text('"\n"'));
