-- The representative evidence of each issue: its moment, and the series of samples that shows the memory then.
--
-- A bundle knows whole seconds only: where an event of the same failure is known, its time and rank count. Without a
-- rank, a series is told only if the session has one rank. Of several devices, the one that the event names, else the
-- one that was used most.
-- $fingerprint_ids, $issues: parallel lists: fingerprints, and the number of the issue that each belongs to.
WITH wanted AS (
    SELECT
        unnest(CAST($fingerprint_ids AS VARCHAR[])) AS fingerprint_id,
        unnest(CAST($issues AS BIGINT[])) AS issue
),

first_hits AS (
    SELECT w.issue, e.session_id, e.timestamp_ns, e.rank, e.stage, e.sort_file, e.sort_line, e.bundle_path
    FROM issue_evidence AS e
    INNER JOIN wanted AS w ON e.fingerprint_id = w.fingerprint_id
    QUALIFY row_number() OVER (
        PARTITION BY w.issue ORDER BY e.stage, e.sort_ns, e.sort_text, e.sort_file, e.sort_line
    ) = 1
),

moments AS (
    SELECT
        h.issue,
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
    QUALIFY row_number() OVER (PARTITION BY h.issue ORDER BY f.timestamp_ns NULLS LAST, f.rank) = 1
),

all_series AS (
    SELECT session_id, rank, device_id, max(coalesce(used_bytes, allocated_bytes)) AS used_bytes
    FROM memory_account
    SEMI JOIN moments USING (session_id)
    WHERE is_sample
    GROUP BY session_id, rank, device_id
),

rank_counts AS (
    SELECT session_id, count(DISTINCT rank) AS rank_count
    FROM all_series
    GROUP BY session_id
)

SELECT m.issue, s.session_id, s.rank, s.device_id, m.timestamp_ns
FROM moments AS m
INNER JOIN all_series AS s ON m.session_id = s.session_id
INNER JOIN rank_counts AS c ON m.session_id = c.session_id
WHERE m.timestamp_ns IS NOT NULL AND coalesce(s.rank = m.rank, c.rank_count = 1)
QUALIFY row_number() OVER (
    PARTITION BY m.issue
    ORDER BY coalesce(s.device_id = m.device_id, false) DESC, s.used_bytes DESC NULLS LAST, s.device_id
) = 1
ORDER BY m.issue
