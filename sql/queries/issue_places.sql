-- Where hits of issues are recorded, at most three of each: the earliest event, then the latest ones; bundles only where events are few.
--
-- $fingerprint_ids, $issues: parallel lists: fingerprints, and the number of the issue that each belongs to.
WITH wanted AS (
    SELECT
        unnest(CAST($fingerprint_ids AS VARCHAR[])) AS fingerprint_id,
        unnest(CAST($issues AS BIGINT[])) AS issue
),

hits AS (
    SELECT
        w.issue,
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
    INNER JOIN wanted AS w ON e.fingerprint_id = w.fingerprint_id
    LEFT JOIN memory_gaps AS g ON e.stage = 2 AND e.sort_file = g.finding_number
),

first_hits AS (
    SELECT *
    FROM hits
    QUALIFY row_number() OVER (
        PARTITION BY issue
        ORDER BY stage = 0, timestamp_ns NULLS LAST, stage, sort_ns, sort_text, sort_file, sort_line
    ) = 1
),

last_hits AS (
    SELECT *
    FROM hits
    QUALIFY row_number() OVER (
        PARTITION BY issue
        ORDER BY
            stage = 0, timestamp_ns DESC NULLS LAST, stage DESC, sort_ns DESC, sort_text DESC, sort_file DESC,
            sort_line DESC
    ) <= 3
),

shown_hits AS (
    SELECT *, true AS is_first FROM first_hits
    UNION ALL
    SELECT l.*, false AS is_first
    FROM last_hits AS l
    ANTI JOIN first_hits AS f
        ON l.issue = f.issue AND l.stage = f.stage AND l.sort_file = f.sort_file AND l.sort_line = f.sort_line
),

numbered_hits AS (
    SELECT
        *,
        row_number() OVER (
            PARTITION BY issue
            ORDER BY is_first DESC, stage = 0, timestamp_ns DESC NULLS LAST, stage DESC, sort_file DESC, sort_line DESC
        ) AS position
    FROM shown_hits
)

SELECT issue, path, line_number, timestamp_ns, rank, session_id, event_type, context
FROM numbered_hits
WHERE position <= 3
ORDER BY issue, position
