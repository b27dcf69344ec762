-- Whether an event could be an alert, told without a look into the text of its severity.
--
-- DuckDB asks this of all events before it parses their records. What matches a pattern could fail, in its eyes, and is
-- asked only afterwards.
--
-- Args:
--   event_type VARCHAR: as written.
--   severity VARCHAR: metadata.severity as written, NULL when absent or not text.
-- Returns: BOOLEAN, never NULL where the event type is known.
-- Source: docs/concepts.md#issues.
CREATE OR REPLACE MACRO issues.may_be_alert(event_type, severity) AS
    (event_type IN ('warning', 'critical', 'error') OR severity IS NOT NULL);

-- Tests
SELECT assert_equals(true, issues.may_be_alert('critical', NULL));
SELECT assert_equals(true, issues.may_be_alert('sample', 'info'));
SELECT assert_equals(false, issues.may_be_alert('sample', NULL));
