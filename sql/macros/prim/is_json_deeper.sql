-- Whether objects and lists of a JSON document lie deeper in one another than a number of levels.
--
-- Args:
--   json_document VARCHAR: a JSON document.
--   levels INTEGER: a document without objects and lists has none.
-- Returns: BOOLEAN
-- Source: docs/concepts.md#otlp.
CREATE OR REPLACE MACRO prim.is_json_deeper(json_document, levels) AS
    (CASE
        -- Few brackets, and those in texts count too: no need to look closer.
        WHEN length(json_document) - length(translate(json_document, '[{', '')) <= levels THEN false
        ELSE list_reduce(
            list_prepend(
                {'open': 0, 'most': 0},
                list_transform(
                    regexp_extract_all(json_document, '"(?:[^"\\]|\\.)*"|[\[\]{}]'),
                    lambda token: {
                        'open': CASE
                            WHEN token = '{' OR token = '[' THEN 1
                            WHEN token = '}' OR token = ']' THEN -1
                            ELSE 0
                        END,
                        'most': 0
                    }
                )
            ),
            lambda counted, step: {
                'open': counted.open + step.open,
                'most': greatest(counted.most, counted.open + step.open)
            }
        ).most > levels
    END);

-- Tests
SELECT assert_equals(false, prim.is_json_deeper('"[[["', 1));
SELECT assert_equals(false, prim.is_json_deeper('{"a":[1],"b":[2],"c":"{{{"}', 2));
SELECT assert_equals(true, prim.is_json_deeper('{"a":[1],"b":[2],"c":[]}', 1));
SELECT assert_equals(true, prim.is_json_deeper('[[[]]]', 2));
SELECT assert_equals(NULL, prim.is_json_deeper(NULL, 2));
