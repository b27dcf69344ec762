-- Whether a JSON text, blanks and all, is an object that DuckDB and Python read alike.
--
-- `is_plain_metadata` for text that DuckDB has not written itself: it may hold a comma before a closing bracket,
-- which DuckDB reads and JSON forbids.
--
-- Args:
--   json_value VARCHAR: JSON text as stored.
-- Returns: BOOLEAN; false also for texts that need a closer look.
-- Calls: telemetry.is_plain_metadata
-- Source: docs/concepts.md#events.
CREATE OR REPLACE MACRO telemetry.is_plain_metadata_text(json_value) AS
    (NOT regexp_matches(json_value, ',[ \t\n\r]*[}\]]')
        AND telemetry.is_plain_metadata(json_value, json_keys(json_value)));

-- Tests
SELECT assert_equals(true, telemetry.is_plain_metadata_text('{}'));
SELECT assert_equals(true, telemetry.is_plain_metadata_text('{"a": 1, "text": "info"}'));
SELECT assert_equals(false, telemetry.is_plain_metadata_text('[]'));
SELECT assert_equals(false, telemetry.is_plain_metadata_text('{"a": 1, "a": 2}'));
SELECT assert_equals(false, telemetry.is_plain_metadata_text('{"a": [1, ]}'));
SELECT assert_equals(false, telemetry.is_plain_metadata_text('{"a":  -Infinity}'));
SELECT assert_equals(false, telemetry.is_plain_metadata_text('{"a": [nan]}'));
