-- OOM bundles of runs by rank.
--
-- A bundle that names no rank belongs to every rank of its session: nearly always there is one.
--
-- Reads: issue_evidence, raw.oom_bundles, stage.session_attempts
-- Source: docs/why.md#failures.
CREATE OR REPLACE VIEW stage.rank_bundles AS
SELECT
    s.run_id,
    s.attempt,
    s.rank,
    s.session_id,
    b.bundle_path,
    b.created_at_ns,
    b.exception_type,
    b.exception_message,
    b.requested_bytes,
    b.free_bytes,
    e.fingerprint_id
FROM raw.oom_bundles AS b
INNER JOIN stage.session_attempts AS s
    ON coalesce(b.session_id, concat('bundle:', b.bundle_path)) = s.session_id
    AND (b.rank IS NULL OR s.rank IS NULL OR b.rank = s.rank)
LEFT JOIN issue_evidence AS e ON b.bundle_path = e.bundle_path AND e.stage = 0;
