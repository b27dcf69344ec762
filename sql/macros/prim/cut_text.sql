-- A text of at most some characters; the last one of a text that was cut is an ellipsis.
--
-- Args:
--   text_value VARCHAR: any text.
--   most INTEGER: that many, at least 1.
-- Returns: VARCHAR
-- Source: docs/concepts.md#text-rules.
CREATE OR REPLACE MACRO prim.cut_text(text_value, most) AS
    (CASE
        WHEN length(text_value) > most THEN concat(left(text_value, most - 1), '…')
        ELSE text_value
    END);

-- Tests
SELECT assert_equals('loud', prim.cut_text('loud', 4));
SELECT assert_equals('lo…', prim.cut_text('louder', 3));
SELECT assert_equals('', prim.cut_text('', 1));
SELECT assert_equals(NULL, prim.cut_text(NULL, 3));
