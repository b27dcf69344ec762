-- Whether metadata says that a run is for development; NULL when it does not say.
--
-- Args:
--   is_dev_json VARCHAR: JSON text of metadata.is_dev, NULL when missing.
--   environment VARCHAR: metadata.environment, NULL when missing or not text.
-- Returns: BOOLEAN
-- Calls: prim.lower_ascii
-- Source: docs/tracking.md#what-is-read-from-telemetry.
CREATE OR REPLACE MACRO telemetry.is_development(is_dev_json, environment) AS
    (CASE
        WHEN is_dev_json IN ('true', 'false') THEN is_dev_json = 'true'
        WHEN environment IS NOT NULL
            THEN prim.lower_ascii(environment) IN ('dev', 'development', 'debug', 'local', 'test', 'ci')
    END);

-- Tests
SELECT assert_equals(true, telemetry.is_development('true', 'production'));
SELECT assert_equals(false, telemetry.is_development('false', 'dev'));
SELECT assert_equals(true, telemetry.is_development(NULL, 'CI'));
SELECT assert_equals(false, telemetry.is_development('null', 'production'));
SELECT assert_equals(NULL, telemetry.is_development('"true"', NULL));
