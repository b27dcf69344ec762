-- Runs, one row each: sessions that belong together, by a run envelope, or else by their job.
--
-- Columns:
--   run_id: id of the run
--   explicit: whether an envelope describes it
--   title: its title
--   description: free text, NULL without an envelope
--   job_id: distributed job, NULL when there is none or the sessions name several
--   started_at_ns: nanoseconds since the Unix epoch, NULL when nothing is known of it
--   ended_at_ns: the same, NULL while a session runs
--   source_path: envelope, or source of the first session
--   source_kind: run_envelope or implicit_run
--   source_namespace: system that `source_ref` belongs to, such as wandb
--   source_ref: id of the run there
--   session_count: number of sessions
--   attempt_count: number of attempts: the job was started so often
--   attachment_count: number of rows of `run_attachments`
--   sessions: ids of the sessions, by start
--   ranks: sorted ranks of the sessions
--   tags: tags of the envelope
--   metadata: JSON object of the envelope
--   links: addresses that its envelope gives, such as those of its page in W&B or MLflow
--
-- Reads: raw.envelope_attachments, raw.run_envelopes, run_attachments, run_sessions, stage.run_members
-- Needs: attachments, runs
-- Source: docs/concepts.md#runs.
CREATE OR REPLACE VIEW runs AS
WITH member_totals AS (
    SELECT
        run_id,
        CASE WHEN count(DISTINCT nullif(job_id, '')) = 1 THEN min(nullif(job_id, '')) END AS job_id,
        min(started_at_ns) AS started_at_ns,
        CASE WHEN bool_and(ended_at_ns IS NOT NULL) THEN max(ended_at_ns) END AS ended_at_ns,
        count(*) AS session_count,
        list(session_id ORDER BY started_at_ns, session_id, list_position) AS sessions,
        list_sort(list(DISTINCT rank)) AS ranks,
        arg_min(session_id, (started_at_ns, session_id, list_position)) AS first_session_id,
        arg_min(source_path, (started_at_ns, session_id, list_position)) AS source_path,
        bool_or(is_explicit) AS is_explicit
    FROM stage.run_members
    WHERE is_listed
    GROUP BY run_id
),

attempt_counts AS (
    SELECT run_id, max(attempt) AS attempt_count FROM run_sessions GROUP BY run_id
),

attachment_counts AS (
    SELECT run_id, count(*) AS attachment_count FROM run_attachments GROUP BY run_id
),

run_links AS (
    SELECT run_id, list(DISTINCT url ORDER BY url) AS links
    FROM raw.envelope_attachments
    WHERE url IS NOT NULL
    GROUP BY run_id
)

SELECT
    e.run_id,
    true AS explicit,
    e.title,
    e.description,
    coalesce(e.job_id, m.job_id) AS job_id,
    coalesce(e.started_at_ns, m.started_at_ns) AS started_at_ns,
    coalesce(e.ended_at_ns, m.ended_at_ns) AS ended_at_ns,
    e.source_path,
    'run_envelope' AS source_kind,
    e.source_namespace,
    e.source_ref,
    coalesce(m.session_count, 0) AS session_count,
    coalesce(a.attempt_count, 0) AS attempt_count,
    coalesce(c.attachment_count, 0) AS attachment_count,
    coalesce(m.sessions, []) AS sessions,
    coalesce(m.ranks, []) AS ranks,
    e.tags,
    CAST(e.metadata AS JSON) AS metadata,
    coalesce(l.links, []) AS links
FROM raw.run_envelopes AS e
LEFT JOIN member_totals AS m ON e.run_id = m.run_id
LEFT JOIN attempt_counts AS a ON e.run_id = a.run_id
LEFT JOIN attachment_counts AS c ON e.run_id = c.run_id
LEFT JOIN run_links AS l ON e.run_id = l.run_id
UNION ALL
SELECT
    m.run_id,
    false AS explicit,
    CASE
        WHEN m.job_id IS NOT NULL THEN concat('Distributed job ', m.job_id)
        ELSE concat('Session ', m.first_session_id)
    END AS title,
    NULL AS description,
    m.job_id,
    m.started_at_ns,
    m.ended_at_ns,
    m.source_path,
    'implicit_run' AS source_kind,
    NULL AS source_namespace,
    NULL AS source_ref,
    m.session_count,
    coalesce(a.attempt_count, 0) AS attempt_count,
    coalesce(c.attachment_count, 0) AS attachment_count,
    m.sessions,
    m.ranks,
    [] AS tags,
    CAST('{}' AS JSON) AS metadata,
    coalesce(l.links, []) AS links
FROM member_totals AS m
LEFT JOIN attempt_counts AS a ON m.run_id = a.run_id
LEFT JOIN attachment_counts AS c ON m.run_id = c.run_id
LEFT JOIN run_links AS l ON m.run_id = l.run_id
WHERE NOT m.is_explicit;
