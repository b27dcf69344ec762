-- Normalised form of an ASCII text: trimmed, lower case, hex and numbers replaced, blanks collapsed.
--
-- The result is empty for a text of blanks. Only exact for ASCII: lower case, word boundaries and digits of other
-- alphabets differ between engines, so those texts are normalised by stormlog.issues.normalize_text_dimension.
--
-- Args:
--   text_value VARCHAR: ASCII text.
-- Returns: VARCHAR
-- Source: docs/concepts.md#text-rules.
CREATE OR REPLACE MACRO issues.normalize_ascii(text_value) AS
    (regexp_replace(regexp_replace(regexp_replace(
        lower(regexp_replace(text_value, '^[\x09-\x0d\x1c-\x20]+|[\x09-\x0d\x1c-\x20]+\z', '', 'g')),
        '0x[0-9a-f]+', '<hex>', 'g'),
        '\b\d+(?:\.\d+)?(?:%\B|\b)', '<num>', 'g'),
        '[\x09-\x0d\x1c-\x20]+', ' ', 'g'));

-- Tests
SELECT assert_equals('retry <num> of <num>', issues.normalize_ascii('Retry 3 of 5'));
SELECT assert_equals('<num>%x', issues.normalize_ascii('50%x'));
SELECT assert_equals('v1.<num>', issues.normalize_ascii('v1.2.3'));
SELECT assert_equals('at <hex>', issues.normalize_ascii(' at  0X1F3A '));
SELECT assert_equals('', issues.normalize_ascii('   '));
SELECT assert_equals(NULL, issues.normalize_ascii(NULL));
