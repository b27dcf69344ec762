-- What pieces of files say of each session, rank and device: what is known of them already, with what is new.
--
-- $piece_ids, $last_lines: parallel lists: the pieces, and how far each was seen; -1 for one that is new.
-- $readings: what was said of these pieces before, as JSON. $heard_ns: when new records came, NULL if that is not told.
WITH marks AS (
    SELECT
        unnest(CAST($piece_ids AS INTEGER[])) AS piece_id,
        unnest(CAST($last_lines AS BIGINT[])) AS last_line
),

new_records AS (
    SELECT r.*, telemetry.is_sample(r.event_type) AS is_sample
    FROM raw.kept_records AS r
    INNER JOIN marks AS m ON r.piece_id = m.piece_id
    WHERE r.line_number > m.last_line
),

new_readings AS (
    SELECT
        piece_id,
        session_id,
        rank,
        coalesce(device_id, -1) AS device_id,
        count(*) AS event_count,
        max(line_number) AS last_line,
        max(timestamp_ns) AS last_ns,
        CAST($heard_ns AS BIGINT) AS heard_ns,
        count(*) FILTER (WHERE event_type = 'stop') AS stop_count,
        count(*) FILTER (WHERE issues.is_alert(event_type, severity)) AS alert_count,
        max(CASE WHEN is_sample THEN device_used_bytes END) AS max_used_bytes,
        max(CASE WHEN is_sample THEN allocator_reserved_bytes END) AS max_reserved_bytes,
        max(CASE WHEN is_sample THEN allocator_allocated_bytes END) AS max_allocated_bytes,
        arg_max(
            {
                'used_bytes': device_used_bytes,
                'reserved_bytes': allocator_reserved_bytes,
                'allocated_bytes': allocator_allocated_bytes,
                'total_bytes': device_total_bytes,
                'timestamp_ns': timestamp_ns,
                'line_number': line_number
            },
            (timestamp_ns, line_number)
        ) FILTER (WHERE is_sample) AS last_sample,
        arg_max(
            {'status': collector_health_status, 'timestamp_ns': timestamp_ns, 'line_number': line_number},
            (timestamp_ns, line_number)
        ) FILTER (WHERE collector_health_status IS NOT NULL) AS last_health
    FROM new_records
    GROUP BY piece_id, session_id, rank, coalesce(device_id, -1)
),

all_readings AS (
    SELECT * FROM new_readings
    UNION ALL BY NAME
    SELECT unnest(
        from_json(
            $readings,
            '[{
                "piece_id": "INTEGER", "session_id": "VARCHAR", "rank": "BIGINT", "device_id": "BIGINT",
                "event_count": "BIGINT", "last_line": "BIGINT", "last_ns": "BIGINT", "heard_ns": "BIGINT",
                "stop_count": "BIGINT", "alert_count": "BIGINT",
                "max_used_bytes": "BIGINT", "max_reserved_bytes": "BIGINT", "max_allocated_bytes": "BIGINT",
                "last_sample": {
                    "used_bytes": "BIGINT", "reserved_bytes": "BIGINT", "allocated_bytes": "BIGINT",
                    "total_bytes": "BIGINT", "timestamp_ns": "BIGINT", "line_number": "BIGINT"
                },
                "last_health": {"status": "VARCHAR", "timestamp_ns": "BIGINT", "line_number": "BIGINT"}
            }]'
        ),
        max_depth := 2
    )
)

SELECT
    piece_id,
    session_id,
    rank,
    device_id,
    CAST(sum(event_count) AS BIGINT) AS event_count,
    max(last_line) AS last_line,
    max(last_ns) AS last_ns,
    max(heard_ns) AS heard_ns,
    CAST(sum(stop_count) AS BIGINT) AS stop_count,
    CAST(sum(alert_count) AS BIGINT) AS alert_count,
    max(max_used_bytes) AS max_used_bytes,
    max(max_reserved_bytes) AS max_reserved_bytes,
    max(max_allocated_bytes) AS max_allocated_bytes,
    arg_max(last_sample, (last_sample.timestamp_ns, last_sample.line_number)) AS last_sample,
    arg_max(last_health, (last_health.timestamp_ns, last_health.line_number)) AS last_health
FROM all_readings
GROUP BY piece_id, session_id, rank, device_id
