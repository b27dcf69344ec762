-- Where and when each hit of an issue was, one row per hit and run.
--
-- A bundle that does not name its rank has that of its session, if one rank alone wrote that. It names whole seconds:
-- the hit was between `timestamp_ns` and `last_ns`, which are the same for all other hits.
--
-- Reads: issue_evidence, stage.rank_bundles, stage.session_places
-- Source: docs/python.md#filters.
CREATE OR REPLACE VIEW stage.hit_places AS
WITH ranked_hits AS (
    SELECT fingerprint_id, session_id, rank, timestamp_ns, timestamp_ns AS last_ns
    FROM issue_evidence
    WHERE stage <> 0
    UNION ALL
    SELECT
        fingerprint_id,
        session_id,
        rank,
        created_at_ns AS timestamp_ns,
        CASE WHEN created_at_ns % 1000000000 = 0 THEN created_at_ns + 999999999 ELSE created_at_ns END AS last_ns
    FROM stage.rank_bundles
)

SELECT
    h.fingerprint_id,
    h.timestamp_ns,
    h.last_ns,
    h.session_id,
    h.rank,
    p.run_id,
    p.run_names,
    p.job_id,
    p.host,
    p.app,
    coalesce(p.is_dev, false) AS is_dev
FROM ranked_hits AS h
LEFT JOIN stage.session_places AS p ON h.session_id = p.session_id AND (h.rank IS NULL OR h.rank = p.rank);
