-- When a series of an attempt used most; NULL without samples.
--
-- $run_id, $attempt: the attempt. $session_id: only this session of it, or NULL.
SELECT
    arg_max(
        a.timestamp_ns, (coalesce(a.used_bytes, a.allocated_bytes + a.reserved_unused_bytes), -a.timestamp_ns)
    ) AS timestamp_ns
FROM memory_account AS a
INNER JOIN run_sessions AS s ON a.session_id = s.session_id AND a.rank = s.rank
WHERE s.run_id = $run_id AND s.attempt = $attempt AND a.is_sample
    AND (CAST($session_id AS VARCHAR) IS NULL OR s.session_id = CAST($session_id AS VARCHAR))
