-- Whether objects and lists of a JSON document lie deeper in one another than a number of levels.
--
-- Args:
--   json_document VARCHAR: a JSON document.
--   levels INTEGER: a document without objects and lists has none.
-- Returns: BOOLEAN
-- Source: docs/concepts.md#otlp.
CREATE OR REPLACE MACRO prim.is_json_deeper(json_document, levels) AS
    (CASE
        WHEN json_document IS NULL THEN NULL
        -- Few brackets, and those in texts count too: no need to look closer.
        WHEN length(json_document) - length(translate(json_document, '[{', '')) <= levels THEN false
        -- Of what is left without texts and values, a pattern takes so many levels of brackets and no more.
        ELSE NOT regexp_full_match(
            translate(regexp_replace(json_document, '"(?:[^"\\]|\\.)*"|[^\[\]{}"]+', '', 'g'), '[]{}', '()()'),
            concat(repeat('(?:\(', levels), repeat('\))*', levels))
        )
    END);

-- Tests
SELECT assert_equals(false, prim.is_json_deeper('"[[["', 1));
SELECT assert_equals(false, prim.is_json_deeper('{"a":[1],"b":[2],"c":"{{{"}', 2));
SELECT assert_equals(true, prim.is_json_deeper('{"a":[1],"b":[2],"c":[]}', 1));
SELECT assert_equals(true, prim.is_json_deeper('[[[]]]', 2));
SELECT assert_equals(NULL, prim.is_json_deeper(NULL, 2));
