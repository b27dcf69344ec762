-- Category of an alert, from its normalised context.
--
-- Args:
--   context VARCHAR: normalised context ('unknown' when the event has none).
-- Returns: VARCHAR
-- Source: docs/concepts.md#issues.
CREATE OR REPLACE MACRO issues.alert_category(context) AS
    (CASE
        WHEN contains(context, 'fragmentation') THEN 'high_fragmentation'
        WHEN contains(context, 'oom') OR contains(context, 'out of memory') THEN 'oom_alert'
        WHEN context = 'unknown' THEN 'generic_alert'
        ELSE context
    END);

-- Tests
SELECT assert_equals('high_fragmentation', issues.alert_category('high fragmentation: oom'));
SELECT assert_equals('oom_alert', issues.alert_category('no room'));
SELECT assert_equals('generic_alert', issues.alert_category('unknown'));
SELECT assert_equals('step <num> slow', issues.alert_category('step <num> slow'));
