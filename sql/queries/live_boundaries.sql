-- The last phase boundary of each thread in pieces of files: what is known of them already, with what is new.
--
-- $piece_ids, $last_lines: parallel lists: the pieces, and how far each was seen; -1 for one that is new.
-- $boundaries: what was known of these pieces before, as JSON.
WITH marks AS (
    SELECT
        unnest(CAST($piece_ids AS INTEGER[])) AS piece_id,
        unnest(CAST($last_lines AS BIGINT[])) AS last_line
),

new_records AS MATERIALIZED (
    SELECT r.piece_id, r.session_id, r.rank, r.timestamp_ns, r.line_number, r.event_type, r.record
    FROM raw.kept_records AS r
    INNER JOIN marks AS m ON r.piece_id = m.piece_id
    WHERE r.line_number > m.last_line AND r.event_type IN ('phase_enter', 'phase_exit')
),

field_lists AS (
    SELECT
        *,
        CAST(
            json_extract(
                record,
                [
                    '$.metadata.phase_scope.thread_id', '$.metadata.phase_scope.path',
                    '$.metadata.phase_scope.sequence'
                ]
            ) AS VARCHAR[]
        ) AS fields
    FROM new_records
),

all_boundaries AS (
    SELECT
        piece_id,
        session_id,
        rank,
        coalesce(fields[1], '') AS thread,
        timestamp_ns,
        coalesce(prim.json_integer(fields[3]), 0) AS sequence,
        line_number,
        event_type = 'phase_enter' AS is_enter,
        fields[2] AS path
    FROM field_lists
    WHERE starts_with(fields[2], '["')
    UNION ALL BY NAME
    SELECT unnest(
        from_json(
            $boundaries,
            '[{
                "piece_id": "INTEGER", "session_id": "VARCHAR", "rank": "BIGINT", "thread": "VARCHAR",
                "timestamp_ns": "BIGINT", "sequence": "BIGINT", "line_number": "BIGINT", "is_enter": "BOOLEAN",
                "path": "VARCHAR"
            }]'
        ),
        max_depth := 2
    )
)

SELECT piece_id, session_id, rank, thread, timestamp_ns, sequence, line_number, is_enter, path
FROM (
    SELECT
        *,
        row_number() OVER (
            PARTITION BY piece_id, session_id, rank, thread ORDER BY timestamp_ns DESC, sequence DESC, line_number DESC
        ) AS place
    FROM all_boundaries
)
WHERE place = 1
