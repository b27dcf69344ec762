-- Hash of a list of texts, short enough to be read.
--
-- Args:
--   texts VARCHAR[]: texts; NULL among them counts as the text None.
-- Returns: VARCHAR, the first 24 hexadecimal digits of SHA-256 of the texts as a JSON list in ASCII.
-- Calls: prim.json_ascii, prim.sha256_hex
-- Source: docs/concepts.md#correlation.
CREATE OR REPLACE MACRO prim.short_hash_of_texts(texts) AS
    (left(
        prim.sha256_hex(
            concat('[', array_to_string(list_transform(texts, lambda t_: prim.json_ascii(coalesce(t_, 'None'))), ', '), ']')
        ),
        24
    ));

-- Tests
SELECT assert_equals('93e7929bbc4a2006f94a8e8f', prim.short_hash_of_texts(['alert', 's', NULL]));
SELECT assert_equals('cd86d26efb05d3d1f0881940', prim.short_hash_of_texts(['é', 'say "x"']));
SELECT assert_equals('79b2a602ceb42ef0c50814dc', prim.short_hash_of_texts(['one']));
