-- How often issues happened: failures, and the runs and sessions with them.
--
-- Columns:
--   fingerprint_id: id of the issue
--   failure_count: hits, without OOM bundles that tell of an event which is a hit of the issue too
--   run_count: number of runs with hits; a run as in view `runs`, by the job that the first record of a session names
--   session_count: number of sessions with hits, those that are known
--
-- Reads: raw.envelope_sessions, raw.events, raw.oom_bundles, raw.pieces, raw.run_envelopes, stage.event_hits,
--   stage.hits, stage.session_facts
-- Needs: issues
-- Source: docs/concepts.md#failures-runs-and-sessions.
CREATE OR REPLACE VIEW issue_counts AS
WITH bundle_hits AS (
    SELECT h.fingerprint_id, h.session_id, h.timestamp_ns, b.position, b.rank
    FROM stage.hits AS h
    INNER JOIN raw.oom_bundles AS b ON h.sort_file = b.position
    WHERE h.stage = 0
),

-- Events and bundles of one issue and session within a minute. A bundle names the whole second in which it was written.
near_events AS (
    SELECT b.position, b.session_id, b.rank, e.sort_file AS file_id, e.sort_line AS line_number
    FROM bundle_hits AS b
    INNER JOIN stage.hits AS e ON b.fingerprint_id = e.fingerprint_id AND b.session_id = e.session_id
    WHERE e.stage = 1
        AND greatest(b.timestamp_ns - e.timestamp_ns, e.timestamp_ns - b.timestamp_ns - 999999999) <= 60000000000
),

-- Ranks that have events in the session of a bundle: where its own has none, the session has the rank of its events.
ranks_of_bundles AS (
    SELECT DISTINCT e.session_id, e.rank
    FROM raw.events AS e
    SEMI JOIN (SELECT session_id, rank FROM near_events WHERE rank IS NOT NULL) AS b
        ON e.session_id = b.session_id AND e.rank = b.rank
),

-- Bundles that tell of an event: near one of their rank.
told_bundles AS (
    SELECT DISTINCT n.position
    FROM near_events AS n
    INNER JOIN raw.pieces AS p ON n.file_id = p.file_id
    INNER JOIN stage.event_hits AS h ON p.piece_id = h.piece_id AND n.line_number = h.line_number
    LEFT JOIN ranks_of_bundles AS r ON n.session_id = r.session_id AND n.rank = r.rank
    WHERE r.rank IS NULL OR h.rank = n.rank
),

told_counts AS (
    SELECT b.fingerprint_id, count(*) AS bundle_count
    FROM bundle_hits AS b
    SEMI JOIN told_bundles AS t ON b.position = t.position
    GROUP BY b.fingerprint_id
),

session_jobs AS (
    SELECT session_id, min(job_id) AS job_id
    FROM (
        SELECT session_id, nullif(job_id, '') AS job_id FROM stage.session_facts
        UNION ALL
        SELECT session_id, nullif(job_id, '') AS job_id FROM raw.oom_bundles WHERE session_id IS NOT NULL
    )
    GROUP BY session_id
),

-- Runs that an envelope describes: it names sessions, or else a job.
envelope_members AS (
    SELECT session_id, run_id FROM raw.envelope_sessions
    UNION
    SELECT j.session_id, e.run_id
    FROM raw.run_envelopes AS e
    INNER JOIN session_jobs AS j ON e.job_id = j.job_id
    ANTI JOIN raw.envelope_sessions AS s ON e.run_id = s.run_id
),

issue_sessions AS (
    SELECT DISTINCT
        h.fingerprint_id,
        nullif(h.session_id, '') AS session_id,
        CASE WHEN nullif(h.session_id, '') IS NULL THEN h.sort_file END AS own_run
    FROM stage.hits AS h
),

run_counts AS (
    SELECT
        i.fingerprint_id,
        count(DISTINCT i.session_id) AS session_count,
        -- Of which group a session is, as text: whatever an envelope calls itself is kept apart from jobs.
        count(DISTINCT CASE
            WHEN m.run_id IS NOT NULL THEN concat('run:', m.run_id)
            WHEN j.job_id IS NOT NULL THEN concat('job:', j.job_id)
            ELSE concat('session:', coalesce(i.session_id, CAST(i.own_run AS VARCHAR)))
        END) AS run_count
    FROM issue_sessions AS i
    LEFT JOIN envelope_members AS m ON i.session_id = m.session_id
    LEFT JOIN session_jobs AS j ON i.session_id = j.session_id
    GROUP BY i.fingerprint_id
),

hit_counts AS (
    SELECT fingerprint_id, count(*) AS hit_count FROM stage.hits GROUP BY fingerprint_id
)

SELECT
    h.fingerprint_id,
    h.hit_count - coalesce(t.bundle_count, 0) AS failure_count,
    r.run_count,
    r.session_count
FROM hit_counts AS h
INNER JOIN run_counts AS r ON h.fingerprint_id = r.fingerprint_id
LEFT JOIN told_counts AS t ON h.fingerprint_id = t.fingerprint_id;
