-- The latest attempt of each run, one row for each session and rank: what it is, and how it ended.
WITH latest_attempts AS (
    SELECT run_id, max(attempt) AS attempt FROM run_sessions GROUP BY run_id
)

SELECT
    r.run_id,
    r.attempt,
    r.session_id,
    r.rank,
    r.host,
    r.status,
    r.state,
    r.failed_ns,
    f.kind AS failure_kind,
    coalesce(f.survived, false) AS survived,
    r.start_ns,
    r.last_ns,
    telemetry.longest_silence_ns(s.sampling_interval_ms) AS longest_silence_ns,
    s.has_stop,
    s.job_id,
    s.app,
    s.code_version,
    s.world_size
FROM run_ranks AS r
INNER JOIN latest_attempts AS a ON r.run_id = a.run_id AND r.attempt = a.attempt
INNER JOIN run_sessions AS s
    ON r.run_id = s.run_id AND r.attempt = s.attempt AND r.session_id = s.session_id
    AND r.rank IS NOT DISTINCT FROM s.rank
LEFT JOIN failures AS f
    ON r.run_id = f.run_id AND r.attempt = f.attempt AND r.session_id = f.session_id
    AND r.rank IS NOT DISTINCT FROM f.rank
