-- Whether a value is a JSON object that DuckDB and Python read alike.
--
-- They differ in keys that occur twice (the first or the last counts), in nan and inf however spelled, in
-- how deep values may lie within each other and in how many digits a number may have. Doubtful values
-- answer false: they get a closer look.
--
-- Args:
--   json_value VARCHAR: JSON text of one value that is JSON; blanks do not matter.
--   keys VARCHAR[]: json_keys of it.
-- Returns: BOOLEAN
-- Calls: prim.are_distinct
-- Source: docs/concepts.md#events.
CREATE OR REPLACE MACRO telemetry.is_plain_metadata(json_value, keys) AS
    (starts_with(json_value, '{')
        AND prim.are_distinct(keys)
        -- The pattern costs more than looking for its letters.
        AND CASE
            WHEN contains(replace(lower(json_value), 'inf', 'nan'), 'nan')
                THEN NOT regexp_matches(json_value, '[:\[,][ \t\n\r]*-?(?:[iI][nN][fF]|[nN][aA][nN])')
            ELSE true
        END
        AND CASE
            WHEN strlen(json_value) < 800 THEN true
            ELSE length(json_value) - length(replace(replace(json_value, '{', ''), '[', '')) < 400
                AND NOT regexp_matches(json_value, '[0-9]{800}')
        END);

-- Tests
SELECT assert_equals(true, telemetry.is_plain_metadata('{}', json_keys('{}')));
SELECT assert_equals(true, telemetry.is_plain_metadata('{"a":"info","b":[1,null]}', json_keys('{"a":"info","b":[1,null]}')));
SELECT assert_equals(false, telemetry.is_plain_metadata('[]', json_keys('[]')));
SELECT assert_equals(false, telemetry.is_plain_metadata('{"a":1,"a":2}', json_keys('{"a":1,"a":2}')));
SELECT assert_equals(false, telemetry.is_plain_metadata('{"a":nan}', json_keys('{"a":nan}')));
SELECT assert_equals(false, telemetry.is_plain_metadata('{"a":[1,-Inf]}', json_keys('{"a":[1,-Inf]}')));
SELECT assert_equals(false, telemetry.is_plain_metadata(concat('{"a":', repeat('[', 500), repeat(']', 500), '}'), json_keys(concat('{"a":', repeat('[', 500), repeat(']', 500), '}'))));
SELECT assert_equals(false, telemetry.is_plain_metadata(concat('{"a":', repeat('1', 5000), '}'), json_keys(concat('{"a":', repeat('1', 5000), '}'))));
