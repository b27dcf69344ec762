-- Sums and peaks of the events of a sink: of each session, and of its ranks and windows.
--
-- $session_ids and $starts are parallel lists: the sessions, and where their windows begin.
WITH starts AS (
    SELECT
        unnest(CAST($session_ids AS VARCHAR[])) AS session_id,
        unnest(CAST($starts AS BIGINT[])) AS started_at_ns
),

readings AS (
    SELECT
        e.session_id,
        e.rank,
        greatest(0, (CAST(e.timestamp_ns AS HUGEINT) - s.started_at_ns) // CAST($window_ns AS BIGINT)) AS window_index,
        e.timestamp_ns,
        e.event_type,
        e.local_rank,
        e.world_size,
        e.device_id,
        e.allocator_allocated_bytes,
        e.allocator_reserved_bytes,
        e.device_used_bytes,
        CASE WHEN e.event_type = 'sample' THEN e.device_used_bytes - e.allocator_reserved_bytes END AS gap_bytes,
        CASE
            WHEN issues.is_alert(e.event_type, e.severity) THEN issues.event_severity(
                e.event_type,
                CASE
                    WHEN prim.trim_blanks(e.severity) = '' THEN NULL
                    WHEN prim.is_ascii(e.severity) THEN issues.normalize_ascii(e.severity)
                    WHEN e.severity IS NOT NULL THEN stormlog_normalize(e.severity)
                END
            )
        END AS alert_severity,
        e.event_type = 'error'
        AND (json_exists(e.metadata, '$.oom_reason') OR json_exists(e.metadata, '$.oom_dump_path')) AS is_oom,
        json_extract_string(e.metadata, '$.oom_dump_path') AS dump_path,
        json_type(e.metadata, '$.oom_dump_path') = 'VARCHAR' AS is_dump_path_text,
        CASE e.event_type
            WHEN 'collector_degraded' THEN 'degraded'
            WHEN 'collector_recovered' THEN 'healthy'
        END AS transition,
        coalesce(transition, nullif(lower(prim.trim_blanks(e.collector_health_status)), '')) AS health,
        (e.timestamp_ns, e.file_id, e.line_number) AS place
    FROM events AS e
    INNER JOIN starts AS s ON e.session_id = s.session_id
    WHERE e.source_id = CAST($source_id AS INTEGER)
),

transitions AS (
    SELECT
        session_id,
        timestamp_ns,
        transition,
        lag(transition) OVER session_order AS previous,
        lag(timestamp_ns) OVER session_order AS previous_ns
    FROM readings
    WHERE transition IS NOT NULL
    WINDOW session_order AS (PARTITION BY session_id ORDER BY place)
),

degraded_times AS (
    SELECT
        session_id,
        CAST(
            sum(CASE WHEN transition = 'healthy' AND previous = 'degraded' THEN timestamp_ns - previous_ns ELSE 0 END)
            AS BIGINT
        ) AS degraded_time_ns
    FROM transitions
    GROUP BY session_id
),

groups AS (
    SELECT
        session_id,
        rank,
        CAST(window_index AS BIGINT) AS window_index,
        CASE WHEN grouping(rank) = 0 THEN 'rank' WHEN grouping(window_index) = 0 THEN 'window' ELSE 'session' END AS level,
        count(*) AS event_count,
        count(*) FILTER (event_type = 'sample') AS sample_count,
        min(timestamp_ns) AS first_ns,
        max(timestamp_ns) AS last_ns,
        arg_min(local_rank, place) AS local_rank,
        arg_min(world_size, place) AS world_size,
        arg_min([allocator_allocated_bytes, timestamp_ns, rank, device_id], (-allocator_allocated_bytes, place))
            FILTER (allocator_allocated_bytes IS NOT NULL) AS allocated_peak,
        arg_min([allocator_reserved_bytes, timestamp_ns, rank, device_id], (-allocator_reserved_bytes, place))
            FILTER (allocator_reserved_bytes IS NOT NULL) AS reserved_peak,
        arg_min([device_used_bytes, timestamp_ns, rank, device_id], (-device_used_bytes, place))
            FILTER (device_used_bytes IS NOT NULL) AS used_peak,
        arg_min([gap_bytes, timestamp_ns], place) FILTER (gap_bytes IS NOT NULL) AS first_gap,
        arg_max([gap_bytes, timestamp_ns], place) FILTER (gap_bytes IS NOT NULL) AS latest_gap,
        max(gap_bytes) AS peak_gap_bytes,
        count(DISTINCT rank) AS rank_count,
        count(alert_severity) AS alert_count,
        to_json(histogram(alert_severity) FILTER (alert_severity IS NOT NULL)) AS severity_counts,
        to_json(histogram(event_type) FILTER (alert_severity IS NOT NULL)) AS event_type_counts,
        count(*) FILTER (transition = 'degraded') AS degraded_count,
        count(*) FILTER (transition = 'healthy') AS recovered_count,
        arg_max([transition], place) FILTER (transition IS NOT NULL) AS last_transition,
        max(timestamp_ns) FILTER (transition = 'degraded') AS last_degraded_ns,
        arg_max(health, place) FILTER (health IS NOT NULL) AS last_status,
        count(*) FILTER (is_oom) AS oom_count,
        count(DISTINCT dump_path) FILTER (is_oom AND is_dump_path_text AND prim.trim_blanks(dump_path) <> '')
            AS bundle_path_count
    FROM readings
    GROUP BY GROUPING SETS ((session_id), (session_id, rank), (session_id, window_index))
)

SELECT
    g.session_id, g.level, g.rank, g.window_index, g.event_count, g.sample_count, g.first_ns, g.last_ns, g.local_rank,
    g.world_size, g.allocated_peak, g.reserved_peak, g.used_peak, g.first_gap, g.latest_gap, g.peak_gap_bytes, g.rank_count,
    g.alert_count, CAST(g.severity_counts AS VARCHAR) AS severity_counts,
    CAST(g.event_type_counts AS VARCHAR) AS event_type_counts, g.degraded_count, g.recovered_count,
    coalesce(d.degraded_time_ns, 0) AS degraded_time_ns,
    CASE WHEN g.last_transition[1] = 'degraded' THEN g.last_degraded_ns END AS degraded_since_ns, g.last_status,
    g.oom_count, g.bundle_path_count
FROM groups AS g
LEFT JOIN degraded_times AS d ON g.session_id = d.session_id
ORDER BY g.session_id, g.level, g.rank, g.window_index
