-- Whether a text holds ASCII characters only (so that the pattern rules of SQL are exact).
--
-- Args:
--   text_value VARCHAR: any text.
-- Returns: BOOLEAN, NULL for NULL.
-- Source: docs/concepts.md#text-rules.
CREATE OR REPLACE MACRO prim.is_ascii(text_value) AS
    (strlen(text_value) = length(text_value));

-- Tests
SELECT assert_equals(true, prim.is_ascii('plain'));
SELECT assert_equals(false, prim.is_ascii('naïve'));
SELECT assert_equals(true, prim.is_ascii(''));
SELECT assert_equals(NULL, prim.is_ascii(NULL));
