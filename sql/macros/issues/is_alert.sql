-- Whether an event is an alert, whatever else it may be evidence of.
--
-- Args:
--   event_type VARCHAR: as written.
--   severity VARCHAR: metadata.severity as written, NULL when absent or not text.
-- Returns: BOOLEAN, never NULL.
-- Calls: issues.may_be_alert
-- Source: docs/concepts.md#issues.
CREATE OR REPLACE MACRO issues.is_alert(event_type, severity) AS
    (issues.may_be_alert(event_type, severity)
        AND (event_type IN ('warning', 'critical', 'error')
        OR coalesce(
            regexp_full_match(
                severity,
                '[\x09-\x0d\x1c-\x20\x{85}\x{a0}\x{1680}\x{2000}-\x{200a}\x{2028}\x{2029}\x{202f}\x{205f}\x{3000}]*(?:[Ww][Aa][Rr][Nn][Ii][Nn][Gg]|[Cc][Rr][Ii][Tt][Ii][Cc][Aa][Ll]|[Ee][Rr][Rr][Oo][Rr])[\x09-\x0d\x1c-\x20\x{85}\x{a0}\x{1680}\x{2000}-\x{200a}\x{2028}\x{2029}\x{202f}\x{205f}\x{3000}]*'
            ),
            false
        )));

-- Tests
SELECT assert_equals(true, issues.is_alert('critical', NULL));
SELECT assert_equals(true, issues.is_alert('sample', ' Warning '));
SELECT assert_equals(false, issues.is_alert('sample', 'warnings'));
SELECT assert_equals(false, issues.is_alert('Warning', NULL));
