-- Sessions as the events and the ledgers of their source describe them, one row per source and session.
--
-- A ledger entry is taken as it stands, the last one where several name a session; without one the session
-- is inferred from its events: completed at its last stop event, else incomplete. Files that are copies of others
-- count for the bounds and the status of a session but not for its events, and a session that only they hold is left out.
--
-- Materialised: yes
-- Reads: raw.files, raw.ledger_sessions, raw.pieces, raw.sources, stage.known_session_parts,
--   stage.session_parts
-- Source: docs/concepts.md#sessions.
CREATE OR REPLACE VIEW stage.loaded_sessions_view AS
WITH session_bounds AS (
    SELECT
        p.source_id,
        s.session_id,
        min(p.file_id) AS first_file_id,
        count(DISTINCT p.file_id) AS file_count,
        min(s.first_ns) AS first_ns,
        max(s.stopped_ns) AS stopped_ns
    FROM stage.known_session_parts AS s
    INNER JOIN raw.pieces AS p ON s.piece_id = p.piece_id
    GROUP BY p.source_id, s.session_id
),

event_counts AS (
    SELECT p.source_id, s.session_id, CAST(sum(s.event_count) AS BIGINT) AS event_count
    FROM stage.session_parts AS s
    INNER JOIN raw.pieces AS p ON s.piece_id = p.piece_id
    GROUP BY p.source_id, s.session_id
),

session_facts AS (
    SELECT
        b.source_id,
        b.session_id,
        coalesce(l.status, CASE WHEN b.stopped_ns IS NOT NULL THEN 'completed' ELSE 'incomplete' END) AS status,
        CASE WHEN l.session_id IS NOT NULL THEN l.started_at_ns ELSE b.first_ns END AS started_at_ns,
        CASE WHEN l.session_id IS NOT NULL THEN l.ended_at_ns ELSE b.stopped_ns END AS ended_at_ns,
        b.first_file_id,
        c.event_count,
        b.file_count,
        l.session_id IS NOT NULL AS is_in_ledger
    FROM session_bounds AS b
    INNER JOIN event_counts AS c ON b.source_id = c.source_id AND b.session_id = c.session_id
    LEFT JOIN raw.ledger_sessions AS l
        ON b.source_id = l.source_id AND b.session_id = l.session_id AND l.is_last
)

SELECT
    d.source_id,
    d.session_id,
    d.status,
    d.started_at_ns,
    d.ended_at_ns,
    d.event_count,
    d.file_count,
    d.is_in_ledger,
    f.path AS source_path,
    s.source_kind,
    row_number() OVER (
        PARTITION BY d.source_id
        ORDER BY
            CASE d.status WHEN 'completed' THEN 0 WHEN 'interrupted' THEN 1 WHEN 'incomplete' THEN 2 ELSE 3 END,
            coalesce(nullif(d.ended_at_ns, 0), d.started_at_ns) DESC,
            d.started_at_ns DESC,
            d.session_id
    ) AS session_order
FROM session_facts AS d
INNER JOIN raw.files AS f ON d.first_file_id = f.file_id
INNER JOIN raw.sources AS s ON d.source_id = s.source_id;
