-- A text as a JSON string in the one spelling of canonical JSON: everything outside printable ASCII escaped.
--
-- Args:
--   text_value VARCHAR: any text.
-- Returns: VARCHAR; the JSON null for NULL.
-- Source: docs/concepts.md#projection.
CREATE OR REPLACE MACRO prim.json_ascii(text_value) AS
    (CASE
        WHEN text_value IS NULL THEN 'null'
        WHEN regexp_full_match(text_value, '[ !#-\[\]-~]*') THEN concat('"', text_value, '"')
        ELSE concat(
            '"',
            array_to_string(
                list_transform(
                    regexp_extract_all(text_value, '(?s).'),
                    lambda c_: CASE
                        WHEN c_ = '"' OR c_ = '\' THEN concat('\', c_)
                        WHEN c_ >= ' ' AND c_ <= '~' AND strlen(c_) = 1 THEN c_
                        WHEN unicode(c_) = 8 THEN '\b'
                        WHEN unicode(c_) = 9 THEN '\t'
                        WHEN unicode(c_) = 10 THEN '\n'
                        WHEN unicode(c_) = 12 THEN '\f'
                        WHEN unicode(c_) = 13 THEN '\r'
                        WHEN unicode(c_) < 65536 THEN format('\u{:04x}', unicode(c_))
                        ELSE format(
                            '\u{:04x}\u{:04x}',
                            55296 + (unicode(c_) - 65536) // 1024,
                            56320 + (unicode(c_) - 65536) % 1024
                        )
                    END
                ),
                ''
            ),
            '"'
        )
    END);

-- Tests
SELECT assert_equals('null', prim.json_ascii(NULL));
SELECT assert_equals('""', prim.json_ascii(''));
SELECT assert_equals('"plain /"', prim.json_ascii('plain /'));
SELECT assert_equals('"say \"x\" \\ y"', prim.json_ascii('say "x" \ y'));
SELECT assert_equals('"\b\t\n\f\r\u0001\u001f\u007f"', prim.json_ascii(concat(chr(8), chr(9), chr(10), chr(12), chr(13), chr(1), chr(31), chr(127))));
SELECT assert_equals('"\u00e9\u20ac\ud83d\ude00"', prim.json_ascii('é€😀'));
