-- Sessions of runs by rank, with the attempt that each belongs to; see view `run_sessions`.
--
-- Materialised: yes
-- Reads: raw.events, stage.rank_sessions, stage.run_members, stage.session_facts
-- Calls: telemetry.record_facts, telemetry.scalar_text
-- Source: docs/concepts.md#runs.
CREATE OR REPLACE VIEW stage.session_attempts_view AS
WITH RECURSIVE session_facts AS (
    SELECT
        session_id,
        min(host) AS host,
        min(job_id) AS job_id,
        max(world_size) AS world_size,
        min(sampling_interval_ms) AS sampling_interval_ms,
        min(code_version) AS code_version,
        min(app) AS app
    FROM stage.session_facts
    GROUP BY session_id
),

-- What a session says of its host is that of its first record. Ranks that share a session may run elsewhere.
rank_hosts AS (
    SELECT
        e.session_id,
        e.rank,
        nullif(
            telemetry.scalar_text(
                telemetry.record_facts(arg_min(e.record, (e.timestamp_ns, e.file_id, e.line_number)))[2]
            ),
            'unknown'
        ) AS host
    FROM raw.events AS e
    SEMI JOIN (
        SELECT session_id FROM stage.rank_sessions GROUP BY session_id HAVING count(*) > 1
    ) AS shared ON e.session_id = shared.session_id
    WHERE e.record IS NOT NULL
    GROUP BY e.session_id, e.rank
),

-- A session that several sources know is one, and one that several ranks wrote is one for each of them.
rank_members AS (
    SELECT
        m.run_id,
        m.session_id,
        coalesce(r.rank, m.rank) AS rank,
        min(coalesce(h.host, f.host, m.host)) AS host,
        min(coalesce(m.job_id, f.job_id)) AS job_id,
        max(greatest(m.world_size, f.world_size)) AS world_size,
        min(f.code_version) AS code_version,
        min(f.app) AS app,
        -- Who says that a session goes on knows less than who says how it ended.
        coalesce(
            arg_min(m.status, m.list_position) FILTER (WHERE m.status <> 'running'),
            arg_min(m.status, m.list_position)
        ) AS status,
        min(least(r.first_ns, nullif(m.started_at_ns, 0))) AS start_ns,
        max(greatest(r.last_ns, m.ended_at_ns)) AS end_ns,
        max(r.last_ns) AS last_event_ns,
        coalesce(max(r.event_count), 0) AS event_count,
        coalesce(bool_or(r.has_stop), false) AS has_stop,
        max(r.fifth_last_enter_ns) AS fifth_last_enter_ns,
        min(f.sampling_interval_ms) AS sampling_interval_ms,
        arg_min(m.source_path, m.list_position) AS source_path
    FROM stage.run_members AS m
    LEFT JOIN stage.rank_sessions AS r ON m.session_id = r.session_id
    LEFT JOIN session_facts AS f ON m.session_id = f.session_id
    LEFT JOIN rank_hosts AS h ON r.session_id = h.session_id AND r.rank = h.rank
    GROUP BY m.run_id, m.session_id, coalesce(r.rank, m.rank)
),

member_positions AS (
    SELECT
        *,
        row_number() OVER (PARTITION BY run_id ORDER BY start_ns, session_id, rank) AS position,
        -- A ledger that was repaired says that a session ended when the next one was opened: its events know better.
        max(coalesce(last_event_ns, end_ns, start_ns)) OVER (
            PARTITION BY run_id, rank ORDER BY start_ns, session_id ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
        ) AS earlier_end_ns
    FROM rank_members
),

-- For a session that starts after all earlier ones of its rank: the position of the one before it.
earlier_positions AS (
    SELECT
        *,
        coalesce(start_ns < earlier_end_ns, false) AS is_overlapping,
        CASE
            WHEN start_ns >= earlier_end_ns
                THEN lag(position) OVER (PARTITION BY run_id, rank ORDER BY start_ns, session_id)
        END AS earlier_position
    FROM member_positions
),

attempt_starts AS (
    SELECT DISTINCT run_id, CAST(1 AS BIGINT) AS attempt, CAST(1 AS BIGINT) AS first_position FROM earlier_positions
    UNION ALL
    SELECT a.run_id, a.attempt + 1, min(p.position)
    FROM attempt_starts AS a
    INNER JOIN earlier_positions AS p
        ON a.run_id = p.run_id AND p.position > a.first_position AND p.earlier_position >= a.first_position
    GROUP BY a.run_id, a.attempt
)

SELECT
    p.run_id,
    max(a.attempt) AS attempt,
    p.session_id,
    p.rank,
    any_value(p.host) AS host,
    any_value(p.job_id) AS job_id,
    any_value(p.world_size) AS world_size,
    any_value(p.code_version) AS code_version,
    any_value(p.app) AS app,
    any_value(p.status) AS status,
    any_value(p.start_ns) AS start_ns,
    any_value(p.end_ns) AS end_ns,
    any_value(p.last_event_ns) AS last_event_ns,
    any_value(p.event_count) AS event_count,
    any_value(p.has_stop) AS has_stop,
    any_value(p.fifth_last_enter_ns) AS fifth_last_enter_ns,
    any_value(p.sampling_interval_ms) AS sampling_interval_ms,
    any_value(p.is_overlapping) AS is_overlapping,
    any_value(p.source_path) AS source_path
FROM earlier_positions AS p
INNER JOIN attempt_starts AS a ON p.run_id = a.run_id AND p.position >= a.first_position
GROUP BY p.run_id, p.session_id, p.rank;
