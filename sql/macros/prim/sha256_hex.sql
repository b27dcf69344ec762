-- Lower-case hexadecimal SHA-256 of a text's UTF-8 bytes.
--
-- Args:
--   text_value VARCHAR: any text.
-- Returns: VARCHAR of 64 digits.
-- Source: docs/concepts.md#fingerprints.
CREATE OR REPLACE MACRO prim.sha256_hex(text_value) AS
    (sha256(text_value));

-- Tests
SELECT assert_equals('e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855', prim.sha256_hex(''));
SELECT assert_equals('ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad', prim.sha256_hex('abc'));
SELECT assert_equals(NULL, prim.sha256_hex(NULL));
