-- Whether a text names an issue: its fingerprint id, or at least the first six digits of it, with or without 'issue:'.
--
-- Args:
--   fingerprint_id VARCHAR: id of an issue.
--   name VARCHAR: what was typed.
-- Returns: BOOLEAN
-- Source: docs/concepts.md#fingerprints.
CREATE OR REPLACE MACRO issues.is_named(fingerprint_id, name) AS
    (fingerprint_id = name
        OR (regexp_full_match(name, '(issue:)?[0-9a-f]{6,24}')
            AND starts_with(fingerprint_id, concat('issue:', replace(name, 'issue:', '')))));

-- Tests
SELECT assert_equals(true, issues.is_named('issue:876c8d4f6dbab3ef989deddc', 'issue:876c8d4f6dbab3ef989deddc'));
SELECT assert_equals(true, issues.is_named('issue:876c8d4f6dbab3ef989deddc', '876c8d4f6dba'));
SELECT assert_equals(true, issues.is_named('issue:876c8d4f6dbab3ef989deddc', 'issue:876c8d'));
SELECT assert_equals(false, issues.is_named('issue:876c8d4f6dbab3ef989deddc', '876c8'));
SELECT assert_equals(false, issues.is_named('issue:876c8d4f6dbab3ef989deddc', '76c8d4'));
SELECT assert_equals(false, issues.is_named('issue:876c8d4f6dbab3ef989deddc', '%6c8d4'));
