-- Which kind of issue an event is evidence of; NULL for none. An event feeds at most one kind.
--
-- Args:
--   event_type VARCHAR: as written.
--   has_oom_key BOOLEAN: whether the metadata has the key oom_reason or oom_dump_path.
--   health VARCHAR: normalised metadata.collector_health_status, NULL when absent.
--   severity VARCHAR: normalised metadata.severity, NULL when absent.
-- Returns: VARCHAR
-- Source: docs/concepts.md#issues.
CREATE OR REPLACE MACRO issues.event_kind(event_type, has_oom_key, health, severity) AS
    (CASE
        WHEN event_type = 'error' AND has_oom_key THEN 'oom'
        WHEN event_type = 'collector_degraded' OR health IN ('degraded', 'unhealthy') THEN 'collector_degradation'
        WHEN event_type IN ('warning', 'critical', 'error')
            OR severity IN ('warning', 'critical', 'error') THEN 'alert'
    END);

-- Tests
SELECT assert_equals('oom', issues.event_kind('error', true, 'degraded', NULL));
SELECT assert_equals('collector_degradation', issues.event_kind('warning', false, 'degraded', NULL));
SELECT assert_equals('alert', issues.event_kind('sample', true, 'healthy', 'warning'));
SELECT assert_equals(NULL, issues.event_kind('Warning', false, NULL, NULL));
