-- Failures of the latest attempts of runs, the latest first.
WITH latest_attempts AS (
    SELECT run_id, max(attempt) AS attempt FROM run_sessions GROUP BY run_id
)

SELECT
    f.timestamp_ns,
    f.run_id,
    f.session_id,
    f.rank,
    f.kind,
    f.survived,
    left(
        coalesce(
            f.exception_message, json_extract_string(e.record, '$.metadata.exception_message'), f.context,
            f.exception_type
        ),
        1000
    ) AS message,
    f.bundle_path,
    f.segment_path,
    f.line_number
FROM failures AS f
INNER JOIN latest_attempts AS a ON f.run_id = a.run_id AND f.attempt = a.attempt
LEFT JOIN raw.events AS e ON f.file_id = e.file_id AND f.line_number = e.line_number
ORDER BY f.timestamp_ns DESC NULLS LAST, f.run_id, f.position DESC
