-- Events with the one spelling of their record, and the id that is made of that.
--
-- Reads: events
-- Calls: projection.record_id, telemetry.is_canonical_text, stormlog_canonical_record
-- Source: docs/concepts.md#projection.
CREATE OR REPLACE VIEW stage.identified_events AS
WITH canonical_events AS (
    SELECT
        *,
        CASE WHEN telemetry.is_canonical_text(record) THEN record ELSE stormlog_canonical_record(record) END
            AS canonical_text
    FROM events
)

SELECT
    * EXCLUDE (record_id),
    coalesce(record_id, projection.record_id(canonical_text)) AS record_id
FROM canonical_events;
