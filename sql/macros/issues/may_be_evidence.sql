-- Cheap test that keeps every event which can be evidence, and few others.
--
-- Args:
--   event_type VARCHAR: as written.
--   severity VARCHAR: metadata.severity when it is text.
--   health VARCHAR: metadata.collector_health_status when it is text.
-- Returns: BOOLEAN, never NULL.
-- Source: docs/concepts.md#issues.
CREATE OR REPLACE MACRO issues.may_be_evidence(event_type, severity, health) AS
    (event_type IN ('warning', 'critical', 'error', 'collector_degraded')
        OR severity IS NOT NULL
        OR coalesce(health <> 'healthy', false));

-- Tests
SELECT assert_equals(true, issues.may_be_evidence('error', NULL, NULL));
SELECT assert_equals(true, issues.may_be_evidence('sample', NULL, ' Degraded'));
SELECT assert_equals(false, issues.may_be_evidence('sample', NULL, 'healthy'));
SELECT assert_equals(false, issues.may_be_evidence('stop', NULL, NULL));
