-- A JSON value as an AnyValue of OTLP/JSON: {"stringValue":"x"}, {"intValue":"5"}, {"kvlistValue":{"values":[...]}}, ...
--
-- Done token by token, so that any depth takes one pass. A key has its comma or brace with it, which tells commas
-- between members from commas between items. Integers beyond 64 bits and numbers beyond a double are texts: nothing is
-- rounded.
--
-- Members of an object with a comma before each (`otlp.members`) become attributes, each of which ends the
-- attribute before it and leaves its own end open: so a long text is not cut out of a longer one.
--
-- Args:
--   json_value VARCHAR: JSON text without blanks between tokens, as DuckDB writes it, or such members.
-- Returns: VARCHAR; {} (no value) for a JSON null, NULL for NULL.
-- Source: docs/concepts.md#otlp.
CREATE OR REPLACE MACRO otlp.value(json_value) AS
    (array_to_string(
        list_transform(
            regexp_extract_all(
                json_value, '[{,]"(?:[^"\\]|\\.)*":|"(?:[^"\\]|\\.)*"|\{\}|[\[\]{},]|[^\[\]{},:"]+'
            ),
            lambda token: CASE
                WHEN starts_with(token, '"') THEN concat('{"stringValue":', token, '}')
                WHEN starts_with(token, ',"') THEN concat('},{"key":', substr(token, 2, length(token) - 2), ',"value":')
                WHEN starts_with(token, '{"')
                    THEN concat('{"kvlistValue":{"values":[{"key":', substr(token, 2, length(token) - 2), ',"value":')
                WHEN token = ',' THEN token
                WHEN token = '}' THEN '}]}}'
                WHEN token = '{}' THEN '{"kvlistValue":{"values":[]}}'
                WHEN token = '[' THEN '{"arrayValue":{"values":['
                WHEN token = ']' THEN ']}}'
                WHEN token = 'null' THEN '{}'
                WHEN token = 'true' OR token = 'false' THEN concat('{"boolValue":', token, '}')
                WHEN regexp_full_match(token, '-?[0-9]+') THEN
                    CASE
                        WHEN TRY_CAST(token AS BIGINT) IS NULL THEN concat('{"stringValue":"', token, '"}')
                        ELSE concat('{"intValue":"', CAST(token AS BIGINT), '"}')
                    END
                WHEN token IN ('NaN', 'Infinity', '-Infinity') THEN concat('{"doubleValue":"', token, '"}')
                WHEN isfinite(TRY_CAST(token AS DOUBLE)) THEN concat('{"doubleValue":', token, '}')
                ELSE concat('{"stringValue":"', token, '"}')
            END
        ),
        ''
    ));

-- Tests
SELECT assert_equals('{"stringValue":"a\"b"}', otlp.value('"a\"b"'));
SELECT assert_equals('{"intValue":"9223372036854775807"}', otlp.value('9223372036854775807'));
SELECT assert_equals('{"stringValue":"9223372036854775808"}', otlp.value('9223372036854775808'));
SELECT assert_equals('{"doubleValue":0.5}', otlp.value('0.5'));
SELECT assert_equals('{"stringValue":"1e999"}', otlp.value('1e999'));
SELECT assert_equals('{"doubleValue":"-Infinity"}', otlp.value('-Infinity'));
SELECT assert_equals('{"boolValue":false}', otlp.value('false'));
SELECT assert_equals('{}', otlp.value('null'));
SELECT assert_equals(NULL, otlp.value(NULL));
SELECT assert_equals(
    '{"kvlistValue":{"values":[{"key":"a","value":{"arrayValue":{"values":[{"intValue":"1"},{"stringValue":"],\"b\":{"}]}}},{"key":"c","value":{"kvlistValue":{"values":[]}}}]}}',
    otlp.value('{"a":[1,"],\"b\":{"],"c":{}}')
);
SELECT assert_equals(
    '{"arrayValue":{"values":[{"kvlistValue":{"values":[{"key":",\"x\":","value":{"arrayValue":{"values":[]}}}]}},{}]}}',
    otlp.value('[{",\"x\":":[]},null]')
);
SELECT assert_equals(
    '},{"key":"é","value":{"boolValue":true}},{"key":"b","value":{"arrayValue":{"values":[{"intValue":"1"}]}}',
    otlp.value(',"é":true,"b":[1]')
);
SELECT assert_equals('', otlp.value(''));
