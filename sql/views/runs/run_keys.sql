-- By what else runs are known: the ids of their sessions, their jobs, and their ids in other systems.
--
-- A key that several runs have stands for none of them: `run_ids` has more than one item then.
--
-- Reads: raw.run_envelopes, stage.run_members
-- Source: docs/concepts.md#attachments.
CREATE OR REPLACE VIEW stage.run_keys AS
WITH listed_runs AS (
    SELECT run_id FROM raw.run_envelopes
    UNION
    SELECT run_id FROM stage.run_members WHERE is_listed
),

members AS (
    SELECT m.run_id, m.session_id, nullif(m.job_id, '') AS job_id
    FROM stage.run_members AS m
    SEMI JOIN listed_runs AS r ON m.run_id = r.run_id
),

keys AS (
    SELECT 'session_id' AS kind, CAST(NULL AS VARCHAR) AS namespace, session_id AS value, run_id FROM members
    UNION ALL
    SELECT 'job_id' AS kind, CAST(NULL AS VARCHAR) AS namespace, job_id AS value, run_id FROM members
    UNION ALL
    SELECT 'job_id' AS kind, CAST(NULL AS VARCHAR) AS namespace, job_id AS value, run_id FROM raw.run_envelopes
    UNION ALL
    SELECT 'source_ref' AS kind, source_namespace AS namespace, source_ref AS value, run_id
    FROM raw.run_envelopes
    WHERE source_namespace IS NOT NULL
)

SELECT kind, namespace, value, list_sort(list(DISTINCT run_id)) AS run_ids
FROM keys
WHERE value IS NOT NULL
GROUP BY kind, namespace, value;
