-- Severity that an event states, trimmed and in lower case.
--
-- Exact for ASCII; other alphabets have more kinds of lower case than SQL knows and are folded in Python.
--
-- Args:
--   severity_json VARCHAR: JSON text of metadata.severity, NULL when absent.
-- Returns: VARCHAR, NULL when nothing is stated: no text, or a blank one.
-- Calls: prim.json_text, prim.lower_ascii, prim.trim_blanks
-- Source: docs/concepts.md#projection.
CREATE OR REPLACE MACRO projection.stated_severity(severity_json) AS
    (nullif(prim.lower_ascii(prim.trim_blanks(prim.json_text(severity_json))), ''));

-- Tests
SELECT assert_equals('warning', projection.stated_severity('" Warning\n"'));
SELECT assert_equals('loud', projection.stated_severity('"LOUD"'));
SELECT assert_equals(NULL, projection.stated_severity('"  "'));
SELECT assert_equals(NULL, projection.stated_severity('3'));
SELECT assert_equals(NULL, projection.stated_severity(NULL));
