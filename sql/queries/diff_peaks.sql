-- The highest memory of any rank of a run, in all and in each of its phases.
--
-- $run_id: the run. $attempt: only this attempt of it, or NULL.
WITH peaks AS (
    SELECT *
    FROM phase_peaks($run_id)
    WHERE CAST($attempt AS BIGINT) IS NULL OR attempt = CAST($attempt AS BIGINT)
),

highest AS (
    SELECT
        *,
        row_number() OVER (
            PARTITION BY phase_path, metric
            ORDER BY peak_bytes DESC NULLS LAST, timestamp_ns, rank, session_id, device_id
        ) AS position
    FROM peaks
),

-- A rank is that of a session: another attempt is another one.
rank_counts AS (
    SELECT
        phase_path,
        metric,
        count(*) AS rank_count,
        count(*) FILTER (WHERE NOT is_known) AS unknown_count
    FROM (
        SELECT phase_path, metric, session_id, rank, bool_or(peak_bytes IS NOT NULL) AS is_known
        FROM peaks
        GROUP BY phase_path, metric, session_id, rank
    ) AS rank_knowledge
    GROUP BY phase_path, metric
)

SELECT
    h.phase_path,
    h.metric,
    h.peak_bytes,
    CASE WHEN h.peak_bytes IS NOT NULL THEN h.rank END AS rank,
    CASE WHEN h.peak_bytes IS NOT NULL THEN h.device_id END AS device_id,
    CASE WHEN h.peak_bytes IS NOT NULL THEN h.session_id END AS session_id,
    h.timestamp_ns,
    h.segment_path,
    h.line_number,
    c.rank_count,
    c.unknown_count
FROM highest AS h
INNER JOIN rank_counts AS c ON h.phase_path IS NOT DISTINCT FROM c.phase_path AND h.metric = c.metric
WHERE h.position = 1
ORDER BY
    h.phase_path IS NOT NULL,
    h.phase_path,
    list_position(['peak_allocated', 'peak_reserved', 'peak_used', 'hidden'], h.metric)
