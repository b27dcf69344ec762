-- Order of severities, the worst first.
--
-- Args:
--   severity VARCHAR: any word.
-- Returns: INTEGER, 0 for critical and error, 1 warning, 2 info, 9 for any other.
-- Source: docs/concepts.md#issues.
CREATE OR REPLACE MACRO issues.severity_rank(severity) AS
    (CASE severity
        WHEN 'critical' THEN 0
        WHEN 'error' THEN 0
        WHEN 'warning' THEN 1
        WHEN 'info' THEN 2
        ELSE 9
    END);

-- Tests
SELECT assert_equals(0, issues.severity_rank('error'));
SELECT assert_equals(2, issues.severity_rank('info'));
SELECT assert_equals(9, issues.severity_rank('loud'));
