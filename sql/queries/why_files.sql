-- The last file of each session of an attempt.
--
-- $run_id, $attempt: the attempt.
SELECT s.session_id, arg_max(f.path, p.file_id) AS path
FROM run_sessions AS s
INNER JOIN stage.session_parts AS k ON s.session_id = k.session_id
INNER JOIN raw.pieces AS p ON k.piece_id = p.piece_id
INNER JOIN raw.files AS f ON p.file_id = f.file_id
WHERE s.run_id = $run_id AND s.attempt = $attempt
GROUP BY s.session_id
