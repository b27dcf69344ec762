-- Paths of OOM bundles of which all of this holds; a condition of list_oom_bundles. What a bundle does not say is that
-- of its session. A session of one rank has that rank, whatever a bundle of it says.
SELECT b.bundle_path
FROM oom_bundles AS b
LEFT JOIN stage.session_places AS p ON coalesce(b.session_id, concat('bundle:', b.bundle_path)) = p.session_id
WHERE (CAST($run AS VARCHAR[]) IS NULL OR list_has_any(CAST($run AS VARCHAR[]), p.run_names))
    AND (
        CAST($job_id AS VARCHAR[]) IS NULL
        OR list_contains(CAST($job_id AS VARCHAR[]), coalesce(b.job_id, p.job_id))
    )
    AND (
        CAST($rank AS BIGINT[]) IS NULL
        OR list_contains(
            CAST($rank AS BIGINT[]), CASE WHEN p.rank_count = 1 THEN coalesce(p.rank, b.rank) ELSE b.rank END
        )
    )
    AND (CAST($host AS VARCHAR[]) IS NULL OR list_contains(CAST($host AS VARCHAR[]), coalesce(b.host, p.host)))
    AND (CAST($app AS VARCHAR[]) IS NULL OR list_contains(CAST($app AS VARCHAR[]), p.app))
    AND (CAST($is_dev AS BOOLEAN) IS NULL OR coalesce(p.is_dev, false) = CAST($is_dev AS BOOLEAN))
