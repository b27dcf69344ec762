-- OOM bundles of runs, one row each, with the rank that they name.
--
-- A session of one rank has that rank, whatever a bundle of it says or does not say. Of a session of several ranks,
-- a bundle that names none of them may be that of any.
--
-- Reads: issue_evidence, raw.oom_bundles, stage.session_attempts
-- Source: docs/why.md#failures.
CREATE OR REPLACE VIEW stage.rank_bundles AS
WITH bundle_issues AS (
    SELECT bundle_path, fingerprint_id FROM issue_evidence WHERE stage = 0
),

session_ranks AS (
    SELECT
        run_id,
        attempt,
        session_id,
        CASE WHEN count(*) = 1 THEN min(rank) END AS rank,
        list(rank) AS ranks
    FROM stage.session_attempts
    GROUP BY run_id, attempt, session_id
)

SELECT
    s.run_id,
    s.attempt,
    CASE WHEN list_contains(s.ranks, b.rank) THEN b.rank ELSE s.rank END AS rank,
    s.session_id,
    b.bundle_path,
    b.created_at_ns,
    b.exception_type,
    b.exception_message,
    b.requested_bytes,
    b.free_bytes,
    e.fingerprint_id
FROM raw.oom_bundles AS b
INNER JOIN session_ranks AS s ON coalesce(b.session_id, concat('bundle:', b.bundle_path)) = s.session_id
LEFT JOIN bundle_issues AS e ON b.bundle_path = e.bundle_path;
