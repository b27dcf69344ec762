-- Severity of an event: the word its metadata names, else what its type implies.
--
-- Args:
--   event_type VARCHAR: as written.
--   named_severity VARCHAR: normalised metadata.severity, NULL when absent, blank or not text.
-- Returns: VARCHAR
-- Source: docs/concepts.md#issues.
CREATE OR REPLACE MACRO issues.event_severity(event_type, named_severity) AS
    (CASE
        WHEN named_severity IS NOT NULL THEN named_severity
        WHEN event_type IN ('critical', 'error') THEN 'critical'
        WHEN event_type = 'warning' THEN 'warning'
        ELSE 'info'
    END);

-- Tests
SELECT assert_equals('critical', issues.event_severity('error', NULL));
SELECT assert_equals('info', issues.event_severity('warning', 'info'));
SELECT assert_equals('info', issues.event_severity('sample', NULL));
SELECT assert_equals('warning', issues.event_severity('warning', NULL));
