-- Whether an event type means a sample; blanks around it and letter case do not matter.
--
-- Args:
--   event_type VARCHAR: as written.
-- Returns: BOOLEAN
-- Source: docs/concepts.md#hidden-memory.
CREATE OR REPLACE MACRO telemetry.is_sample(event_type) AS
    (event_type = 'sample'
        OR regexp_full_match(
            event_type,
            '[\x09-\x0d\x1c-\x20\x{85}\x{a0}\x{1680}\x{2000}-\x{200a}\x{2028}\x{2029}\x{202f}\x{205f}\x{3000}]*[Ss][Aa][Mm][Pp][Ll][Ee][\x09-\x0d\x1c-\x20\x{85}\x{a0}\x{1680}\x{2000}-\x{200a}\x{2028}\x{2029}\x{202f}\x{205f}\x{3000}]*'
        ));

-- Tests
SELECT assert_equals(true, telemetry.is_sample('sample'));
SELECT assert_equals(true, telemetry.is_sample(' Sample' || chr(9)));
SELECT assert_equals(false, telemetry.is_sample('samples'));
