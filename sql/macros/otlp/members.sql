-- Members of a record's metadata that are attributes of OTLP/JSON, as JSON with a comma before each.
--
-- Left out are values that are null, and keys under which a line has attributes of its own. Metadata of which
-- objects and lists lie too deep in one another for readers of Protobuf becomes one text.
--
-- Args:
--   metadata VARCHAR: a JSON object without blanks between tokens and without duplicate keys.
-- Returns: VARCHAR, empty for no members.
-- Calls: prim.is_json_deeper, projection.own_attributes
-- Source: docs/concepts.md#otlp.
CREATE OR REPLACE MACRO otlp.members(metadata) AS
    (regexp_replace(
        -- The braces of the object go.
        left(concat(',', substr(
            CASE
                WHEN prim.is_json_deeper(metadata, 20)
                    THEN CAST(json_object('stormlog.metadata_json', metadata) AS VARCHAR)
                WHEN contains(metadata, 'null') OR regexp_matches(metadata, '"(?:log|stormlog|hw|phase)\.')
                    THEN CAST(json_merge_patch('{}', projection.own_attributes(metadata), concat(
                        '{"log.record.uid":null,"log.file.path":null,"hw.type":null,"hw.id":null,',
                        '"phase.name":null,"phase.scope_id":null,"phase.parent_scope_id":null,"phase.sequence":null,',
                        '"stormlog.line_number":null,"stormlog.source_kind":null}'
                    )) AS VARCHAR)
                ELSE projection.own_attributes(metadata)
            END,
            2
        )), -1),
        '^,$',
        ''
    ));

-- Tests
SELECT assert_equals(',"a":5,"c":"x"', otlp.members('{"a":5,"b":null,"c":"x"}'));
SELECT assert_equals(',"a":{},"b":[null]', otlp.members('{"a":{"x":null},"b":[null]}'));
SELECT assert_equals(
    ',"log.x":2', otlp.members('{"log.record.uid":"x","log.x":2,"hw.id":"0","memory.device.used_bytes":1}')
);
SELECT assert_equals('', otlp.members('{"a":null}'));
SELECT assert_equals('', otlp.members('{}'));
SELECT assert_equals(
    concat(',"stormlog.metadata_json":"{\"a\":', repeat('[', 20), repeat(']', 20), '}"'),
    otlp.members(concat('{"a":', repeat('[', 20), repeat(']', 20), '}'))
);
