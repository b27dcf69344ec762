-- Which sessions belong to which run, one row per run and session as a source knows it.
--
-- A run envelope names its sessions, or else its job. Sessions that no envelope names make runs of their own, by job,
-- or one each. Sessions of which only events or OOM bundles tell are members too, but not listed.
--
-- Materialised: yes
-- Reads: raw.envelope_sessions, raw.oom_bundles, raw.run_envelopes, sessions, stage.loaded_sessions,
--   stage.rank_sessions, stage.session_facts
-- Source: docs/concepts.md#runs.
CREATE OR REPLACE VIEW stage.run_members_view AS
WITH listed_sessions AS (
    SELECT
        session_id, status, started_at_ns, ended_at_ns, host, job_id, rank, world_size, source_path, source_id, position,
        true AS is_listed
    FROM sessions
),

-- Sessions with events that the list of their sink does not name.
unlisted_sessions AS (
    SELECT
        l.session_id, l.status, l.started_at_ns, l.ended_at_ns, f.host, f.job_id, r.rank, f.world_size, l.source_path,
        l.source_id, l.session_order AS position, false AS is_listed
    FROM stage.loaded_sessions AS l
    INNER JOIN (SELECT session_id, min(rank) AS rank FROM stage.rank_sessions GROUP BY session_id) AS r
        ON l.session_id = r.session_id
    LEFT JOIN stage.session_facts AS f ON l.source_id = f.source_id AND l.session_id = f.session_id
    ANTI JOIN sessions AS s ON l.session_id = s.session_id
),

bundle_sessions AS (
    SELECT
        coalesce(b.session_id, concat('bundle:', b.bundle_path)) AS session_id,
        'interrupted' AS status,
        min(b.created_at_ns) AS started_at_ns,
        max(b.created_at_ns) AS ended_at_ns,
        min(b.host) AS host,
        min(b.job_id) AS job_id,
        min(b.rank) AS rank,
        max(b.world_size) AS world_size,
        min(b.bundle_path) AS source_path,
        CAST(NULL AS INTEGER) AS source_id,
        min(b.position) AS position,
        false AS is_listed
    FROM raw.oom_bundles AS b
    ANTI JOIN sessions AS s ON b.session_id = s.session_id
    ANTI JOIN stage.loaded_sessions AS l ON b.session_id = l.session_id
    GROUP BY coalesce(b.session_id, concat('bundle:', b.bundle_path))
),

known_sessions AS (
    SELECT * FROM listed_sessions
    UNION ALL
    SELECT * FROM unlisted_sessions
    UNION ALL
    SELECT * FROM bundle_sessions
),

numbered_sessions AS (
    SELECT
        *,
        row_number() OVER (list_order) AS list_position,
        row_number() OVER (PARTITION BY session_id ORDER BY started_at_ns DESC, source_id, position) = 1 AS is_first
    FROM known_sessions
    WINDOW list_order AS (ORDER BY started_at_ns DESC, session_id DESC, source_id, position)
),

named_members AS (
    SELECT DISTINCT e.run_id, n.list_position
    FROM raw.envelope_sessions AS e
    INNER JOIN numbered_sessions AS n ON e.session_id = n.session_id
    WHERE n.is_first
),

envelope_members AS (
    SELECT run_id, list_position FROM named_members
    UNION ALL
    SELECT e.run_id, n.list_position
    FROM raw.run_envelopes AS e
    INNER JOIN numbered_sessions AS n ON e.job_id = n.job_id
    ANTI JOIN named_members AS m ON e.run_id = m.run_id
),

other_sessions AS (
    SELECT
        n.*,
        coalesce('job:' || nullif(n.job_id, ''), concat('session:', n.session_id)) AS group_id
    FROM numbered_sessions AS n
    ANTI JOIN (
        SELECT k.session_id
        FROM envelope_members AS m
        INNER JOIN numbered_sessions AS k ON m.list_position = k.list_position
    ) AS claimed ON n.session_id = claimed.session_id
),

-- The id of a group; where an envelope has taken that already, the first of its substitutes that is free.
group_runs AS (
    SELECT c.group_id, arg_min(c.run_id, c.preference) AS run_id
    FROM (
        SELECT
            g.group_id,
            p.preference,
            CASE p.preference
                WHEN 0 THEN g.group_id
                WHEN 1 THEN concat('implicit:', g.group_id)
                ELSE concat('implicit:', g.group_id, ':', p.preference)
            END AS run_id
        FROM (SELECT DISTINCT group_id FROM other_sessions) AS g
        CROSS JOIN (
            SELECT unnest(range((SELECT count(*) + 2 FROM raw.run_envelopes))) AS preference
        ) AS p
    ) AS c
    ANTI JOIN raw.run_envelopes AS e ON c.run_id = e.run_id
    GROUP BY c.group_id
)

SELECT
    m.run_id, true AS is_explicit, n.session_id, n.status, n.started_at_ns, n.ended_at_ns, n.host, n.job_id, n.rank,
    n.world_size, n.source_path, n.source_id, n.list_position, n.is_listed
FROM envelope_members AS m
INNER JOIN numbered_sessions AS n ON m.list_position = n.list_position
UNION ALL
SELECT
    g.run_id, false AS is_explicit, o.session_id, o.status, o.started_at_ns, o.ended_at_ns, o.host, o.job_id, o.rank,
    o.world_size, o.source_path, o.source_id, o.list_position, o.is_listed
FROM other_sessions AS o
INNER JOIN group_runs AS g ON o.group_id = g.group_id;
