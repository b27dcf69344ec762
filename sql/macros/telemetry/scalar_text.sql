-- Text behind a JSON text or number, trimmed; NULL for anything else and for blank texts.
--
-- Args:
--   json_value VARCHAR: JSON text of one value, NULL when missing.
-- Returns: VARCHAR
-- Calls: prim.json_text, prim.trim_blanks
-- Source: docs/tracking.md#what-is-read-from-telemetry.
CREATE OR REPLACE MACRO telemetry.scalar_text(json_value) AS
    (CASE
        WHEN starts_with(json_value, '"') THEN nullif(prim.trim_blanks(prim.json_text(json_value)), '')
        WHEN regexp_full_match(json_value, '-?[0-9].*') THEN json_value
    END);

-- Tests
SELECT assert_equals('1.2', telemetry.scalar_text('" 1.2 "'));
SELECT assert_equals('3', telemetry.scalar_text('3'));
SELECT assert_equals(NULL, telemetry.scalar_text('" "'));
SELECT assert_equals(NULL, telemetry.scalar_text('true'));
SELECT assert_equals(NULL, telemetry.scalar_text('{"a": 1}'));
SELECT assert_equals(NULL, telemetry.scalar_text(NULL));
