-- The representative evidence of an issue: its moment, and the series of samples that shows the memory then.
--
-- A bundle knows whole seconds only: where an event of the same failure is known, its time and rank count. Without a
-- rank, a series is told only if the session has one rank. Of several devices, the one that the event names, else the
-- one that was used most.
-- $fingerprint_ids: the fingerprints of the issue.
WITH first_hits AS (
    SELECT session_id, timestamp_ns, rank, stage, sort_file, sort_line, bundle_path
    FROM issue_evidence
    WHERE fingerprint_id IN (SELECT unnest(CAST($fingerprint_ids AS VARCHAR[])))
    ORDER BY stage, sort_ns, sort_text, sort_file, sort_line
    LIMIT 1
),

moments AS (
    SELECT
        h.session_id,
        coalesce(f.timestamp_ns, h.timestamp_ns) AS timestamp_ns,
        coalesce(h.rank, f.rank) AS rank,
        f.device_id
    FROM first_hits AS h
    LEFT JOIN failures AS f
        ON h.session_id = f.session_id
        AND (
            (h.stage = 0 AND h.bundle_path = f.bundle_path)
            OR (h.stage = 1 AND h.sort_file = f.file_id AND h.sort_line = f.line_number)
        )
    ORDER BY f.timestamp_ns NULLS LAST
    LIMIT 1
),

series AS (
    SELECT
        a.session_id,
        a.rank,
        a.device_id,
        m.timestamp_ns,
        m.rank AS evidence_rank,
        m.device_id AS evidence_device_id,
        max(coalesce(a.used_bytes, a.allocated_bytes)) AS used_bytes
    FROM memory_account AS a
    INNER JOIN moments AS m ON a.session_id = m.session_id
    WHERE a.is_sample AND m.timestamp_ns IS NOT NULL
    GROUP BY a.session_id, a.rank, a.device_id, m.timestamp_ns, m.rank, m.device_id
)

SELECT session_id, rank, device_id, timestamp_ns
FROM series
WHERE coalesce(rank = evidence_rank, (SELECT count(DISTINCT s.rank) FROM series AS s) = 1)
ORDER BY coalesce(device_id = evidence_device_id, false) DESC, used_bytes DESC NULLS LAST, device_id
LIMIT 1
