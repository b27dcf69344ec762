-- Where, when and for what sessions ran, one row per run, session and rank.
--
-- `run_names` are the words that a run is asked for by: its id, the job of the session with or without `job:` before it,
-- and the session where it is a run by itself. A word that is the id of another run names that one alone.
--
-- Reads: run_sessions, stage.session_facts
-- Source: docs/concepts.md#runs.
CREATE OR REPLACE VIEW stage.session_places AS
WITH environments AS (
    SELECT session_id, bool_or(is_dev) AS is_dev FROM stage.session_facts GROUP BY session_id
),

run_ids AS (
    SELECT DISTINCT run_id FROM run_sessions
)

SELECT
    s.run_id,
    [
        s.run_id,
        CASE WHEN j.run_id IS NULL THEN s.job_id END,
        CASE WHEN p.run_id IS NULL THEN 'job:' || s.job_id END,
        CASE WHEN n.run_id IS NULL AND s.run_id = concat('session:', s.session_id) THEN s.session_id END
    ] AS run_names,
    s.session_id,
    s.rank,
    s.job_id,
    s.host,
    s.app,
    coalesce(e.is_dev, false) AS is_dev,
    s.start_ns,
    greatest(s.start_ns, s.end_ns) AS last_ns,
    count(*) OVER (PARTITION BY s.run_id, s.attempt, s.session_id) AS rank_count
FROM run_sessions AS s
LEFT JOIN environments AS e ON s.session_id = e.session_id
LEFT JOIN run_ids AS j ON s.job_id = j.run_id
LEFT JOIN run_ids AS p ON concat('job:', s.job_id) = p.run_id
LEFT JOIN run_ids AS n ON s.session_id = n.run_id;
