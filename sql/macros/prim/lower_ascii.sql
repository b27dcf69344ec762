-- A text with the letters A to Z in lower case and every other character as it is.
--
-- Exact for comparing with ASCII words of any letters but i and k, which other letters turn into.
--
-- Args:
--   text_value VARCHAR: any text.
-- Returns: VARCHAR
-- Source: docs/concepts.md#text-rules.
CREATE OR REPLACE MACRO prim.lower_ascii(text_value) AS
    (translate(text_value, 'ABCDEFGHIJKLMNOPQRSTUVWXYZ', 'abcdefghijklmnopqrstuvwxyz'));

-- Tests
SELECT assert_equals('warning', prim.lower_ascii('WarNing'));
SELECT assert_equals('crİtİcal', prim.lower_ascii('CRİTİCAL'));
SELECT assert_equals(NULL, prim.lower_ascii(NULL));
