-- Where hits of an issue are recorded: the earliest event, then the latest ones; bundles only where events are few.
--
-- $fingerprint_ids: the fingerprints of the issue.
WITH hits AS (
    SELECT
        coalesce(e.segment_path, e.bundle_path, e.source_path) AS path,
        CASE e.stage WHEN 1 THEN e.sort_line WHEN 2 THEN g.line_number END AS line_number,
        e.timestamp_ns,
        e.rank,
        e.session_id,
        e.event_type,
        CASE WHEN e.stage = 1 THEN json_extract_string(e.metadata, '$.context') END AS context,
        e.stage,
        e.sort_ns,
        e.sort_text,
        e.sort_file,
        e.sort_line
    FROM issue_evidence AS e
    LEFT JOIN memory_gaps AS g ON e.stage = 2 AND e.sort_file = g.finding_number
    WHERE e.fingerprint_id IN (SELECT unnest(CAST($fingerprint_ids AS VARCHAR[])))
),

first_hits AS (
    SELECT *
    FROM hits
    ORDER BY stage = 0, timestamp_ns NULLS LAST, stage, sort_ns, sort_text, sort_file, sort_line
    LIMIT 1
),

last_hits AS (
    SELECT *
    FROM hits
    ORDER BY
        stage = 0, timestamp_ns DESC NULLS LAST, stage DESC, sort_ns DESC, sort_text DESC, sort_file DESC,
        sort_line DESC
    LIMIT 3
),

shown_hits AS (
    SELECT *, true AS is_first FROM first_hits
    UNION ALL
    SELECT l.*, false AS is_first
    FROM last_hits AS l
    ANTI JOIN first_hits AS f ON l.stage = f.stage AND l.sort_file = f.sort_file AND l.sort_line = f.sort_line
)

SELECT path, line_number, timestamp_ns, rank, session_id, event_type, context
FROM shown_hits
ORDER BY is_first DESC, stage = 0, timestamp_ns DESC NULLS LAST, stage DESC, sort_file DESC, sort_line DESC
LIMIT 3
