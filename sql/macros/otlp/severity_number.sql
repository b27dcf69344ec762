-- Number of a severity in OpenTelemetry: the lowest of its range.
--
-- Args:
--   severity VARCHAR: severity of a projected record, in lower case.
-- Returns: INTEGER, NULL for words that say no severity there, and for none.
-- Source: docs/concepts.md#otlp.
CREATE OR REPLACE MACRO otlp.severity_number(severity) AS
    (CASE severity
        WHEN 'trace' THEN 1
        WHEN 'debug' THEN 5
        WHEN 'info' THEN 9
        WHEN 'warn' THEN 13
        WHEN 'warning' THEN 13
        WHEN 'error' THEN 17
        WHEN 'critical' THEN 21
        WHEN 'fatal' THEN 21
    END);

-- Tests
SELECT assert_equals(9, otlp.severity_number('info'));
SELECT assert_equals(13, otlp.severity_number('warning'));
SELECT assert_equals(21, otlp.severity_number('critical'));
SELECT assert_equals(NULL, otlp.severity_number('loud'));
