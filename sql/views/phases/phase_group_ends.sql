-- Last event of each session and rank to replay: phases without an exit end there.
--
-- Reads: raw.events, stage.replay_scope
-- Source: docs/concepts.md#phases.
CREATE OR REPLACE VIEW stage.phase_group_ends AS
SELECT
    e.source_id,
    e.session_id,
    e.rank,
    max(e.timestamp_ns) AS end_ns
FROM raw.events AS e
SEMI JOIN stage.replay_scope AS r
    ON e.source_id = r.source_id AND e.session_id = r.session_id AND e.rank = r.rank
GROUP BY e.source_id, e.session_id, e.rank;
