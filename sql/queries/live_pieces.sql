-- Records of each piece of a file that counts now, and how many of them lie before a line that was seen already.
--
-- $piece_ids, $last_lines: parallel lists: how far a piece was seen.
WITH marks AS (
    SELECT
        unnest(CAST($piece_ids AS INTEGER[])) AS piece_id,
        unnest(CAST($last_lines AS BIGINT[])) AS last_line
)

SELECT
    p.piece_id,
    p.file_id,
    count(*) AS record_count,
    count(*) FILTER (WHERE r.line_number <= m.last_line) AS seen_count
FROM raw.pieces AS p
INNER JOIN raw.kept_records AS r ON p.piece_id = r.piece_id
LEFT JOIN marks AS m ON p.piece_id = m.piece_id
GROUP BY p.piece_id, p.file_id
ORDER BY p.file_id, p.piece_id
