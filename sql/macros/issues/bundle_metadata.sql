-- What evidence says beside its issue where it is an OOM bundle, as a JSON object.
--
-- Args:
--   created_at_utc VARCHAR: as in the manifest.
--   event_count BIGINT: events in the bundle.
--   session_status VARCHAR: status of the bundle's session.
-- Returns: VARCHAR
-- Calls: prim.json_quote
-- Source: docs/concepts.md#issues.
CREATE OR REPLACE MACRO issues.bundle_metadata(created_at_utc, event_count, session_status) AS
    (concat(
        '{"created_at_utc":', prim.json_quote(created_at_utc),
        ',"event_count":', coalesce(CAST(event_count AS VARCHAR), 'null'),
        ',"session_status":', prim.json_quote(session_status), '}'
    ));

-- Tests
SELECT assert_equals('{"created_at_utc":"d","event_count":3,"session_status":"\""}', issues.bundle_metadata('d', 3, '"'));
SELECT assert_equals('{"created_at_utc":null,"event_count":0,"session_status":null}', issues.bundle_metadata(NULL, 0, NULL));
SELECT assert_equals('{"created_at_utc":"","event_count":null,"session_status":""}', issues.bundle_metadata('', NULL, ''));
