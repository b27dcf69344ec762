-- Severity that an event type implies in a projected record, used when the event names none.
--
-- Args:
--   event_type VARCHAR: trimmed and lower case.
-- Returns: VARCHAR, NULL when the type implies nothing.
-- Source: docs/concepts.md#projection.
CREATE OR REPLACE MACRO projection.default_severity(event_type) AS
    (CASE
        WHEN event_type IN ('critical', 'error', 'warning') THEN event_type
        WHEN event_type = 'collector_degraded' THEN 'warning'
        WHEN event_type IN ('collector_recovered', 'start', 'stop', 'sample', 'phase_enter', 'phase_exit') THEN 'info'
    END);

-- Tests
SELECT assert_equals('warning', projection.default_severity('collector_degraded'));
SELECT assert_equals('info', projection.default_severity('sample'));
SELECT assert_equals(NULL, projection.default_severity('allocation'));
