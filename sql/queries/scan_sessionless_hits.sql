-- Evidence of some sessions whose records name none, and how its id is made: `prefix` and a digest of `head`, the key
-- of the session as JSON, and `tail`. $source_ids and $session_ids are parallel lists.
WITH scope AS (
    SELECT
        unnest(CAST($source_ids AS INTEGER[])) AS source_id,
        unnest(CAST($session_ids AS VARCHAR[])) AS session_id
),

hits AS (
    SELECT
        p.source_id,
        n.session_id,
        e.fingerprint_id,
        e.timestamp_ns,
        concat(', "session_id": ', prim.json_quote(n.session_id), ', "timestamp_ns": ') AS place,
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
)

SELECT
    source_id,
    session_id,
    fingerprint_id,
    timestamp_ns,
    'telemetry-' AS prefix,
    concat(left(canonical_text, strpos(canonical_text, place) - 1), ', "session_id": ') AS head,
    concat(', "timestamp_ns": ', substr(canonical_text, strpos(canonical_text, place) + length(place))) AS tail
FROM hits
WHERE contains(canonical_text, place)
UNION ALL
SELECT
    g.source_id,
    g.session_id,
    e.fingerprint_id,
    e.timestamp_ns,
    'finding-' AS prefix,
    '[' AS head,
    concat(',', prim.json_quote(g.classification), ',', coalesce(CAST(g.rank AS VARCHAR), 'null'), ']') AS tail
FROM issue_evidence AS e
INNER JOIN memory_gaps AS g ON e.sort_ns = g.finding_number
INNER JOIN scope AS s ON g.source_id = s.source_id AND g.session_id = s.session_id
WHERE e.stage = 2
