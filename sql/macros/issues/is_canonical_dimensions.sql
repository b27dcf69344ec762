-- Whether the JSON text of dimensions is canonical as it stands: normalising it changes nothing.
--
-- True where patterns are enough to know: every text is printable ASCII in lower case, without escapes, with single
-- blanks inside. A number would be a word of digits, so every word has a letter or an underscore; '0x' could begin an
-- address. For all other texts, and for lists of several, stormlog.issues.normalize_dimensions decides.
--
-- Args:
--   dimensions VARCHAR: JSON text of the dimensions of one issue.
-- Returns: BOOLEAN; false also for texts that need a closer look.
-- Source: docs/concepts.md#fingerprints.
CREATE OR REPLACE MACRO issues.is_canonical_dimensions(dimensions) AS
    (NOT contains(dimensions, '0x')
        -- Strings of such words and of punctuation; between the strings neither blanks nor numbers.
        AND regexp_full_match(
            dimensions,
            '(?:[{}\[\],:]|null|"(?:[!#-/:-@\[\]^`{|}~]|[0-9]*[a-z_][a-z0-9_]*)+(?: (?:[!#-/:-@\[\]^`{|}~]|[0-9]*[a-z_][a-z0-9_]*)+)*")*'
        )
        -- The keys of every kind of issue in code point order.
        AND regexp_full_match(
            dimensions,
            '\{"backend":"[^"]+"(?:,"category":"[^"]+")?(?:,"classification":"[^"]+")?(?:,"collector":"[^"]+")?(?:,"error_stem":"[^"]+")?(?:,"event_type":"[^"]+")?(?:,"health_status":"[^"]+")?(?:,"partial_fields":\[(?:"[^"]+")?\])?(?:,"phase":(?:"[^"]+"|null))?(?:,"reason":"[^"]+")?(?:,"severity":"[^"]+")?\}'
        ));

-- Tests
SELECT assert_equals(true, issues.is_canonical_dimensions('{"backend":"cuda","reason":"id-6d42z: out of <num> mb"}'));
SELECT assert_equals(true, issues.is_canonical_dimensions('{"backend":"cuda","partial_fields":[]}'));
SELECT assert_equals(true, issues.is_canonical_dimensions('{"backend":"cuda","partial_fields":["device"]}'));
SELECT assert_equals(false, issues.is_canonical_dimensions('{"backend":"cuda","partial_fields":["b","a"]}'));
SELECT assert_equals(false, issues.is_canonical_dimensions('{"reason":"killed","backend":"cuda"}'));
SELECT assert_equals(false, issues.is_canonical_dimensions('{"backend":"Cuda","reason":"killed"}'));
SELECT assert_equals(false, issues.is_canonical_dimensions('{"backend":"cuda","reason":"code 7"}'));
SELECT assert_equals(false, issues.is_canonical_dimensions('{"backend":"cuda","reason":"v1.2"}'));
SELECT assert_equals(false, issues.is_canonical_dimensions('{"backend":"cuda","reason":"at a0x1f"}'));
SELECT assert_equals(false, issues.is_canonical_dimensions('{"backend":"cuda","reason":"two  blanks"}'));
SELECT assert_equals(false, issues.is_canonical_dimensions('{"backend":"cuda","reason":" led"}'));
SELECT assert_equals(false, issues.is_canonical_dimensions('{"backend":"cuda","reason":""}'));
SELECT assert_equals(false, issues.is_canonical_dimensions('{"backend":"cuda","reason":"a\"b"}'));
SELECT assert_equals(false, issues.is_canonical_dimensions('{"backend":"cuda","reason":null}'));
SELECT assert_equals(true, issues.is_canonical_dimensions('{"backend":"cuda","phase":null,"severity":"critical"}'));
SELECT assert_equals(false, issues.is_canonical_dimensions('{"backend":"cuda","reason":"naïve"}'));
SELECT assert_equals(false, issues.is_canonical_dimensions('{"backend":"cuda","reason":"line' || chr(10) || '"}'));
SELECT assert_equals(NULL, issues.is_canonical_dimensions(NULL));
