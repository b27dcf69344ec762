-- Phases of some sessions and ranks that were active at a time, or were left within a tenth of a second before.
--
-- $session_ids, $ranks, $times_ns: parallel lists.
SELECT
    w.session_id,
    w.rank,
    p.thread_id,
    p.thread_name,
    p.scope_id,
    p.path,
    p.start_ns,
    p.end_ns,
    p.sequence,
    p.is_synthetic_end,
    p.end_ns < w.time_ns AS is_left
FROM (
    SELECT
        unnest(CAST($session_ids AS VARCHAR[])) AS session_id,
        unnest(CAST($ranks AS BIGINT[])) AS rank,
        unnest(CAST($times_ns AS BIGINT[])) AS time_ns
) AS w
INNER JOIN phase_spans AS p
    ON w.session_id = p.session_id AND w.rank = p.rank
    AND p.start_ns <= w.time_ns AND p.end_ns >= w.time_ns - 100000000
WHERE p.end_ns >= w.time_ns OR NOT p.is_synthetic_end
ORDER BY w.session_id, w.rank, p.start_ns, p.end_ns, p.sequence
