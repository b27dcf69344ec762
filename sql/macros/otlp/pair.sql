-- One attribute of OTLP/JSON with the comma before it; nothing where it has no value, which means that it is not known.
--
-- Args:
--   key VARCHAR: its name.
--   kind VARCHAR: stringValue, or intValue.
--   value VARCHAR: the value as text.
-- Returns: VARCHAR, empty for a value that is NULL.
-- Source: docs/concepts.md#otlp.
CREATE OR REPLACE MACRO otlp.pair(key, kind, value) AS
    (coalesce(concat(',{"key":"', key, '","value":{"', kind, '":') || to_json(CAST(value AS VARCHAR)) || '}}', ''));

-- Tests
SELECT assert_equals(
    ',{"key":"host.name","value":{"stringValue":"a\"b"}}', otlp.pair('host.name', 'stringValue', 'a"b')
);
SELECT assert_equals(',{"key":"r","value":{"intValue":"-5"}}', otlp.pair('r', 'intValue', -5));
SELECT assert_equals('', otlp.pair('r', 'intValue', NULL));
