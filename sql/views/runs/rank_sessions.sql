-- What the events of a session and rank say about it: bounds in time, and how it ended.
--
-- Materialised: yes
-- Reads: raw.events
-- Source: docs/concepts.md#runs.
CREATE OR REPLACE VIEW stage.rank_sessions_view AS
SELECT
    session_id,
    rank,
    count(*) AS event_count,
    min(timestamp_ns) AS first_ns,
    max(timestamp_ns) AS last_ns,
    bool_or(event_type = 'stop') AS has_stop,
    -- When the fifth phase from the last was entered: what happened before it was followed by five phases or more.
    max(CASE WHEN event_type = 'phase_enter' THEN timestamp_ns END, 5)[5] AS fifth_last_enter_ns
FROM raw.events
GROUP BY session_id, rank;
