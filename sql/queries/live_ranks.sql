-- The ranks of the runs that are followed, one row each, with what they do now: what needs attention first.
--
-- $readings: what is known of each session, rank and device, as JSON. $boundaries: the last phase boundary of each thread,
-- as JSON. $runs: the sessions of the latest attempts, as JSON. $now_ns: the time by the clock. $since_ns: runs that wrote
-- nothing since then are left out, but for the newest.
WITH readings AS (
    SELECT unnest(
        from_json(
            $readings,
            '[{
                "session_id": "VARCHAR", "rank": "BIGINT", "device_id": "BIGINT", "event_count": "BIGINT",
                "last_ns": "BIGINT", "heard_ns": "BIGINT", "alert_count": "BIGINT", "max_used_bytes": "BIGINT",
                "max_reserved_bytes": "BIGINT", "max_allocated_bytes": "BIGINT",
                "last_sample": {
                    "used_bytes": "BIGINT", "reserved_bytes": "BIGINT", "allocated_bytes": "BIGINT",
                    "total_bytes": "BIGINT", "timestamp_ns": "BIGINT", "line_number": "BIGINT"
                },
                "last_health": {"status": "VARCHAR", "timestamp_ns": "BIGINT", "line_number": "BIGINT"}
            }]'
        ),
        max_depth := 2
    )
),

device_totals AS (
    SELECT
        session_id,
        rank,
        device_id,
        CAST(sum(event_count) AS BIGINT) AS event_count,
        CAST(sum(alert_count) AS BIGINT) AS alert_count,
        max(last_ns) AS last_ns,
        max(heard_ns) AS heard_ns,
        max(max_used_bytes) AS max_used_bytes,
        max(max_reserved_bytes) AS max_reserved_bytes,
        max(max_allocated_bytes) AS max_allocated_bytes,
        arg_max(last_sample, (last_sample.timestamp_ns, last_sample.line_number)) AS last_sample,
        arg_max(last_health.status, (last_health.timestamp_ns, last_health.line_number)) AS health_status
    FROM readings
    GROUP BY session_id, rank, device_id
),

rank_totals AS (
    SELECT
        session_id,
        rank,
        CAST(sum(event_count) AS BIGINT) AS event_count,
        CAST(sum(alert_count) AS BIGINT) AS alert_count,
        max(last_ns) AS last_ns,
        max(heard_ns) AS heard_ns,
        -- Of several collectors, the one that is worst off.
        arg_max(
            health_status, (CASE health_status WHEN 'healthy' THEN 0 WHEN 'degraded' THEN 1 ELSE 2 END, health_status)
        ) AS health_status
    FROM device_totals
    GROUP BY session_id, rank
),

-- The counter that a device is shown by is the first that its collector knows.
device_counters AS (
    SELECT
        session_id,
        rank,
        device_id,
        CASE
            WHEN last_sample.used_bytes IS NOT NULL THEN 'used'
            WHEN last_sample.reserved_bytes IS NOT NULL THEN 'reserved'
            WHEN last_sample.allocated_bytes IS NOT NULL THEN 'allocated'
        END AS counter,
        coalesce(last_sample.used_bytes, last_sample.reserved_bytes, last_sample.allocated_bytes) AS current_bytes,
        CASE
            WHEN last_sample.used_bytes IS NOT NULL THEN max_used_bytes
            WHEN last_sample.reserved_bytes IS NOT NULL THEN max_reserved_bytes
            ELSE max_allocated_bytes
        END AS peak_bytes,
        last_sample.total_bytes AS total_bytes
    FROM device_totals
    WHERE last_sample IS NOT NULL
),

-- Of several devices, the one that is fullest.
ordered_devices AS (
    SELECT
        *,
        current_bytes / nullif(total_bytes, 0) AS used_ratio,
        count(*) OVER (PARTITION BY session_id, rank) AS device_count,
        row_number() OVER (
            PARTITION BY session_id, rank
            ORDER BY current_bytes / nullif(total_bytes, 0) DESC NULLS LAST, current_bytes DESC NULLS LAST, device_id
        ) AS place
    FROM device_counters
),

boundaries AS (
    SELECT unnest(
        from_json(
            $boundaries,
            '[{
                "session_id": "VARCHAR", "rank": "BIGINT", "thread": "VARCHAR", "timestamp_ns": "BIGINT",
                "sequence": "BIGINT", "line_number": "BIGINT", "is_enter": "BOOLEAN", "path": "VARCHAR"
            }]'
        ),
        max_depth := 2
    )
),

thread_phases AS (
    SELECT
        session_id,
        rank,
        timestamp_ns,
        sequence,
        line_number,
        -- Who left a phase is in the one around it.
        CASE WHEN is_enter THEN from_json(path, '["VARCHAR"]') ELSE from_json(path, '["VARCHAR"]')[:-2] END AS path
    FROM (
        SELECT
            *,
            row_number() OVER (
                PARTITION BY session_id, rank, thread ORDER BY timestamp_ns DESC, sequence DESC, line_number DESC
            ) AS place
        FROM boundaries
    )
    WHERE place = 1
),

-- Of several threads, the one that changed its phase last.
rank_phases AS (
    SELECT
        session_id,
        rank,
        arg_max(array_to_string(path, ' / '), (timestamp_ns, sequence, line_number)) AS phase_path
    FROM thread_phases
    WHERE len(path) > 0
    GROUP BY session_id, rank
),

runs AS (
    SELECT unnest(
        from_json(
            $runs,
            '[{
                "run_id": "VARCHAR", "attempt": "BIGINT", "session_id": "VARCHAR", "rank": "BIGINT", "host": "VARCHAR",
                "status": "VARCHAR", "state": "VARCHAR", "failed_ns": "BIGINT", "failure_kind": "VARCHAR",
                "survived": "BOOLEAN", "start_ns": "BIGINT", "last_ns": "BIGINT", "longest_silence_ns": "DOUBLE",
                "has_stop": "BOOLEAN", "job_id": "VARCHAR", "app": "VARCHAR", "code_version": "VARCHAR",
                "world_size": "BIGINT"
            }]'
        ),
        max_depth := 2
    )
),

ages AS (
    SELECT
        r.* EXCLUDE (last_ns),
        coalesce(t.last_ns, r.last_ns) AS last_ns,
        -- Clocks differ. What came since the paths were looked at before was written meanwhile, whatever its time says;
        -- a time that is still to come says nothing.
        least(
            CASE
                WHEN coalesce(t.last_ns, r.last_ns) <= CAST($now_ns AS BIGINT) + 1000000000
                    THEN greatest(CAST($now_ns AS BIGINT) - coalesce(t.last_ns, r.last_ns), 0)
            END,
            CASE WHEN t.heard_ns IS NOT NULL THEN greatest(CAST($now_ns AS BIGINT) - t.heard_ns, 0) END
        ) AS age_ns,
        coalesce(t.event_count, 0) AS event_count,
        coalesce(t.alert_count, 0) AS alert_count,
        t.health_status
    FROM runs AS r
    LEFT JOIN rank_totals AS t ON r.session_id = t.session_id AND r.rank = t.rank
),

states AS (
    SELECT
        *,
        CASE
            -- A rank that goes on writing after an error is no failed one.
            WHEN state = 'failed' AND NOT survived
                AND NOT (coalesce(age_ns, 0) <= longest_silence_ns AND last_ns - failed_ns > longest_silence_ns)
                THEN 'failed'
            WHEN has_stop OR status = 'completed' THEN 'ended'
            WHEN status = 'interrupted' THEN 'lost'
            WHEN age_ns > longest_silence_ns THEN 'silent'
            ELSE 'running'
        END AS live_state
    FROM ages
),

run_totals AS (
    SELECT
        run_id,
        min(start_ns) AS run_start_ns,
        max(last_ns) AS run_last_ns,
        -- Ranks that write no more after another one failed do not come back.
        count(*) FILTER (WHERE live_state = 'running') = 0
        AND (
            count(*) FILTER (WHERE live_state = 'silent') = 0 OR count(*) FILTER (WHERE live_state = 'failed') > 0
        ) AS has_ended
    FROM states
    GROUP BY run_id
),

followed_runs AS (
    SELECT * FROM run_totals
    QUALIFY coalesce(run_last_ns >= CAST($since_ns AS BIGINT), false)
        OR row_number() OVER (ORDER BY run_last_ns DESC NULLS LAST, run_id) = 1
),

ordered_ranks AS (
    SELECT
        s.*,
        f.has_ended,
        f.run_start_ns,
        f.run_last_ns,
        CASE
            WHEN s.live_state = 'failed' THEN 0
            WHEN s.live_state = 'silent' THEN 1
            WHEN s.live_state = 'lost' THEN 2
            WHEN s.live_state = 'ended' THEN 5
            WHEN coalesce(s.health_status, 'healthy') <> 'healthy' THEN 3
            ELSE 4
        END AS urgency
    FROM states AS s
    INNER JOIN followed_runs AS f ON s.run_id = f.run_id
)

SELECT
    o.run_id,
    o.attempt,
    o.session_id,
    o.rank,
    o.host,
    o.live_state AS state,
    o.failure_kind,
    o.failed_ns,
    p.phase_path,
    d.device_id,
    coalesce(d.device_count, 0) AS device_count,
    d.counter,
    d.current_bytes,
    d.peak_bytes,
    d.total_bytes,
    d.used_ratio,
    o.health_status,
    o.alert_count,
    o.event_count,
    o.start_ns,
    o.last_ns,
    o.age_ns,
    o.has_ended,
    o.run_start_ns,
    o.run_last_ns,
    o.job_id,
    o.app,
    o.code_version,
    o.world_size
FROM ordered_ranks AS o
LEFT JOIN ordered_devices AS d ON o.session_id = d.session_id AND o.rank = d.rank AND d.place = 1
LEFT JOIN rank_phases AS p ON o.session_id = p.session_id AND o.rank = p.rank
ORDER BY
    -- A run that goes on comes before one that has ended.
    o.has_ended,
    min(o.urgency) OVER (PARTITION BY o.run_id),
    o.run_last_ns DESC NULLS LAST,
    o.run_id,
    o.urgency,
    d.used_ratio DESC NULLS LAST,
    o.rank,
    o.session_id
