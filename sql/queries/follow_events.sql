-- Events behind the lines that were seen, by session and file, and which of them were seen in another place.
--
-- What is the same text is the same event, as often as it was seen and is not there any more.
-- $seen_paths, $seen_sessions, $seen_lines: see follow_units. $missing, $missing_counts: parallel lists: hashes of events that
-- were seen and are not where they were, and how many there are of each.
WITH marks AS (
    SELECT
        unnest(CAST($seen_paths AS VARCHAR[])) AS segment_path,
        unnest(CAST($seen_sessions AS VARCHAR[])) AS session_id,
        unnest(CAST($seen_lines AS BIGINT[])) AS last_line
),

missing AS (
    SELECT
        unnest(CAST($missing AS UBIGINT[])) AS record_hash,
        unnest(CAST($missing_counts AS BIGINT[])) AS missing_count
),

unseen AS (
    SELECT e.file_id, e.line_number, e.segment_path, e.session_id, hash(e.record) AS record_hash
    FROM raw.events AS e
    LEFT JOIN marks AS m ON e.segment_path = m.segment_path AND e.session_id = m.session_id
    WHERE e.line_number > coalesce(m.last_line, 0)
),

numbered AS (
    SELECT
        *,
        row_number() OVER (PARTITION BY record_hash ORDER BY file_id, line_number) AS ordinal
    FROM unseen
),

placed AS (
    SELECT n.*, coalesce(n.ordinal <= m.missing_count, false) AS is_moved
    FROM numbered AS n
    LEFT JOIN missing AS m ON n.record_hash = m.record_hash
)

SELECT
    segment_path,
    session_id,
    file_id,
    list(record_hash) AS hashes,
    coalesce(list(record_hash) FILTER (WHERE is_moved), []) AS moved_hashes,
    coalesce(list(line_number) FILTER (WHERE is_moved), []) AS moved_lines
FROM placed
GROUP BY segment_path, session_id, file_id
