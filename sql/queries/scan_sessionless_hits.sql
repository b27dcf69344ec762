-- Records that name no session and are evidence, of some sessions: $source_ids and $session_ids are parallel lists.
WITH scope AS (
    SELECT
        unnest(CAST($source_ids AS INTEGER[])) AS source_id,
        unnest(CAST($session_ids AS VARCHAR[])) AS session_id
)

SELECT
    p.source_id,
    n.session_id,
    e.fingerprint_id,
    e.timestamp_ns,
    CASE
        WHEN telemetry.is_canonical_text(k.record) THEN k.record
        ELSE stormlog_canonical_record(k.record)
    END AS canonical_text
FROM issue_evidence AS e
INNER JOIN raw.pieces AS p ON e.sort_file = p.file_id
INNER JOIN raw.kept_records AS k ON p.piece_id = k.piece_id AND e.sort_line = k.line_number
INNER JOIN raw.kept_sessionless_records AS n ON k.piece_id = n.piece_id AND k.line_number = n.line_number
INNER JOIN scope AS s ON p.source_id = s.source_id AND n.session_id = s.session_id
WHERE e.stage = 1
