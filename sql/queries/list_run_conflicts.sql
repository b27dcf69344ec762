-- Ids that several runs have.
SELECT kind, value, run_ids FROM run_conflicts ORDER BY kind, value
