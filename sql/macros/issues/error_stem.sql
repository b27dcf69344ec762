-- Stable part of an error, from its normalised text: what stands before the first colon, 120 characters at most.
--
-- Args:
--   error VARCHAR: normalised error ('unknown' when the event has none).
-- Returns: VARCHAR
-- Source: docs/concepts.md#issues.
CREATE OR REPLACE MACRO issues.error_stem(error) AS
    (coalesce(nullif(left(trim(split_part(error, ':', 1)), 120), ''), 'unknown'));

-- Tests
SELECT assert_equals('runtimeerror', issues.error_stem('runtimeerror: cuda error'));
SELECT assert_equals('unknown', issues.error_stem(': nothing before'));
SELECT assert_equals('oserror', issues.error_stem('oserror : a: b'));
SELECT assert_equals(120, length(issues.error_stem(repeat('a', 200))));
