-- What each file holds of each session: how many events, and the time between its earliest and latest one.
--
-- `compared_id` is equal for all copies of a session: its id, or the same text for all sessions whose id was made from the
-- path of a file because its records name no session.
--
-- Reads: raw.pieces, stage.session_parts
-- Source: docs/concepts.md#copies.
CREATE OR REPLACE VIEW stage.session_files AS
SELECT
    p.source_id,
    p.file_id,
    s.session_id,
    CASE
        WHEN regexp_full_match(s.session_id, 'legacy-[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}')
            THEN 'legacy'
        ELSE concat('id:', s.session_id)
    END AS compared_id,
    CAST(sum(s.event_count) AS BIGINT) AS event_count,
    min(s.first_ns) AS first_ns,
    max(s.last_ns) AS last_ns
FROM stage.session_parts AS s
INNER JOIN raw.pieces AS p ON s.piece_id = p.piece_id
GROUP BY p.source_id, p.file_id, s.session_id;
