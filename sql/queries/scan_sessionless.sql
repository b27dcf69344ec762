-- What is known of the earliest record that names no session, for every file that has such records.
SELECT
    p.file_id,
    p.source_id,
    r.session_id,
    min(r.timestamp_ns) AS timestamp_ns,
    arg_min(r.host, (r.timestamp_ns, r.line_number)) AS host,
    arg_min(r.pid, (r.timestamp_ns, r.line_number)) AS pid,
    arg_min(r.rank, (r.timestamp_ns, r.line_number)) AS rank,
    -- coalesce(), because arg_min() leaves out rows whose value is NULL.
    arg_min(coalesce('=' || r.job_id, ''), (r.timestamp_ns, r.line_number)) AS job_id
FROM raw.kept_sessionless_records AS r
INNER JOIN raw.pieces AS p ON r.piece_id = p.piece_id
GROUP BY p.file_id, p.source_id, r.session_id
ORDER BY p.file_id
