-- Ids that several runs have, so that nothing can be attached to a run by them.
--
-- Columns:
--   kind: session_id, job_id or source_ref
--   value: the id; of a source_ref its namespace, a colon, and the id
--   run_ids: the runs that have it, by id
--
-- Reads: stage.run_keys
-- Needs: runs
-- Source: docs/concepts.md#attachments.
CREATE OR REPLACE VIEW run_conflicts AS
SELECT
    kind,
    CASE WHEN namespace IS NULL THEN value ELSE concat(namespace, ':', value) END AS value,
    run_ids
FROM stage.run_keys
WHERE len(run_ids) > 1;
