-- Whether a record may say what its whole session is: of all others the text is kept only in some questions.
--
-- Args:
--   event_type VARCHAR: as written.
--   severity, health VARCHAR: of the metadata, NULL where they are no texts.
-- Returns: BOOLEAN
-- Calls: issues.may_be_evidence
-- Source: docs/concepts.md#how-hits-spread.
CREATE OR REPLACE MACRO telemetry.may_describe_session(event_type, severity, health) AS
    (issues.may_be_evidence(event_type, severity, health) OR event_type IN ('phase_enter', 'phase_exit', 'start'));

-- Tests
SELECT assert_equals(true, telemetry.may_describe_session('start', NULL, NULL));
SELECT assert_equals(true, telemetry.may_describe_session('phase_enter', NULL, NULL));
SELECT assert_equals(true, telemetry.may_describe_session('sample', 'info', NULL));
SELECT assert_equals(false, telemetry.may_describe_session('sample', NULL, 'healthy'));
