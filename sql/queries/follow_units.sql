-- Events of each session in each file, and how many of them lie before a line that was seen already.
--
-- The piece of a file has another number when the file was read anew: what was seen of it may be something else now.
-- $seen_paths, $seen_sessions, $seen_lines: parallel lists: how far a session was seen in a file.
WITH marks AS (
    SELECT
        unnest(CAST($seen_paths AS VARCHAR[])) AS segment_path,
        unnest(CAST($seen_sessions AS VARCHAR[])) AS session_id,
        unnest(CAST($seen_lines AS BIGINT[])) AS last_line
),

-- An unfinished last line is a piece of its own, with a higher number.
file_pieces AS (
    SELECT file_id, min(piece_id) AS piece_id FROM raw.pieces GROUP BY file_id
)

SELECT
    e.segment_path,
    e.session_id,
    p.piece_id,
    count(*) AS event_count,
    count(*) FILTER (WHERE e.line_number <= m.last_line) AS seen_count,
    max(e.line_number) AS last_line
FROM raw.events AS e
INNER JOIN file_pieces AS p ON e.file_id = p.file_id
LEFT JOIN marks AS m ON e.segment_path = m.segment_path AND e.session_id = m.session_id
GROUP BY e.segment_path, e.session_id, p.piece_id
