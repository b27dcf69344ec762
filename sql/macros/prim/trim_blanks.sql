-- A text without the blanks at its ends; blanks are those of Unicode and the four ASCII separators.
--
-- Args:
--   text_value VARCHAR: any text.
-- Returns: VARCHAR
-- Source: docs/concepts.md#text-rules.
CREATE OR REPLACE MACRO prim.trim_blanks(text_value) AS
    (regexp_replace(text_value, '^[\x09-\x0d\x1c-\x20\x{85}\x{a0}\x{1680}\x{2000}-\x{200a}\x{2028}\x{2029}\x{202f}\x{205f}\x{3000}]+|[\x09-\x0d\x1c-\x20\x{85}\x{a0}\x{1680}\x{2000}-\x{200a}\x{2028}\x{2029}\x{202f}\x{205f}\x{3000}]+\z', '', 'g'));

-- Tests
SELECT assert_equals('a b', prim.trim_blanks(chr(9) || ' a b ' || chr(10)));
SELECT assert_equals('a', prim.trim_blanks(chr(160) || 'a' || chr(12288) || chr(28)));
SELECT assert_equals('', prim.trim_blanks('  '));
SELECT assert_equals(NULL, prim.trim_blanks(NULL));
