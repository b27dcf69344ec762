-- Severity of a projected record: the one its event states, else what the event's type implies.
--
-- Args:
--   stated VARCHAR: stated severity, trimmed and lower case, NULL when there is none.
--   event_type VARCHAR: as written.
-- Returns: VARCHAR, NULL when neither says anything.
-- Calls: prim.lower_ascii, prim.trim_blanks, projection.default_severity
-- Source: docs/concepts.md#projection.
CREATE OR REPLACE MACRO projection.severity(stated, event_type) AS
    (coalesce(stated, projection.default_severity(prim.lower_ascii(prim.trim_blanks(event_type)))));

-- Tests
SELECT assert_equals('loud', projection.severity('loud', 'error'));
SELECT assert_equals('error', projection.severity(NULL, ' Error '));
SELECT assert_equals('info', projection.severity(NULL, 'PHASE_EXIT'));
SELECT assert_equals(NULL, projection.severity(NULL, 'allocation'));
