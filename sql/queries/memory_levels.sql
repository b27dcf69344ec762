-- Where the memory of each series of an attempt was at a time, its usual level before, and what grew. One row per
-- session, rank and device with samples up to then.
--
-- $run_id, $attempt: the attempt. $session_id: only this session of it, or NULL.
-- $until_ns: the time, or NULL for the last record of each series. A series without a sample has its error event.
WITH wanted_sessions AS (
    SELECT session_id, rank, host, sampling_interval_ms
    FROM run_sessions
    WHERE run_id = $run_id AND attempt = $attempt
        AND (CAST($session_id AS VARCHAR) IS NULL OR session_id = CAST($session_id AS VARCHAR))
),

account_rows AS (
    SELECT
        a.*,
        s.host,
        s.sampling_interval_ms,
        bool_or(a.is_sample) OVER (PARTITION BY a.session_id, a.rank, a.device_id) AS has_samples
    FROM memory_account AS a
    INNER JOIN wanted_sessions AS s ON a.session_id = s.session_id AND a.rank = s.rank
    WHERE a.timestamp_ns <= coalesce(CAST($until_ns AS BIGINT), 9223372036854775807)
),

all_samples AS (
    SELECT * FROM account_rows WHERE is_sample OR NOT has_samples
),

series_bounds AS (
    SELECT
        session_id,
        rank,
        device_id,
        min(timestamp_ns) AS first_ns,
        coalesce(CAST($until_ns AS BIGINT), max(timestamp_ns)) AS until_ns,
        max(timestamp_ns) AS last_ns,
        count(*) AS sample_count,
        bool_or(is_sample) AS has_samples,
        bool_or(is_complete) AS has_complete,
        max(used_bytes) AS largest_used_bytes,
        max(timestamp_ns) FILTER (WHERE is_complete) AS last_complete_ns
    FROM all_samples
    GROUP BY session_id, rank, device_id
),

-- The last sample with all counters; of a series without one, the last sample.
last_samples AS (
    SELECT
        s.*,
        row_number() OVER (
            PARTITION BY s.session_id, s.rank, s.device_id
            ORDER BY s.timestamp_ns DESC, s.file_id DESC, s.line_number DESC
        ) AS preference
    FROM all_samples AS s
    INNER JOIN series_bounds AS b
        ON s.session_id = b.session_id AND s.rank = b.rank AND s.device_id = b.device_id
        AND s.timestamp_ns = coalesce(b.last_complete_ns, b.last_ns)
    WHERE s.is_complete OR NOT b.has_complete
),

-- The path of a thread after each of its phase boundaries.
thread_paths AS (
    SELECT
        session_id,
        rank,
        thread_id,
        timestamp_ns,
        arg_max(
            array_to_string(CASE WHEN is_enter THEN path ELSE list_slice(path, 1, len(path) - 1) END, ' / '), sequence
        ) AS phase_path
    FROM stage.phase_boundaries
    SEMI JOIN wanted_sessions USING (session_id, rank)
    GROUP BY session_id, rank, thread_id, timestamp_ns
),

-- The phases that all threads of a rank are in are told by one number, the sum of the hashes of their paths. So the
-- effort does not grow with the number of threads times that of samples.
path_numbers AS (
    SELECT
        session_id,
        rank,
        thread_id,
        timestamp_ns,
        CASE WHEN phase_path = '' THEN 0 ELSE CAST(hash(phase_path) AS HUGEINT) END AS path_number
    FROM thread_paths
),

number_changes AS (
    SELECT
        session_id,
        rank,
        timestamp_ns,
        path_number - coalesce(
            lag(path_number) OVER (PARTITION BY session_id, rank, thread_id ORDER BY timestamp_ns), 0
        ) AS change
    FROM path_numbers
),

rank_numbers AS (
    SELECT
        session_id,
        rank,
        timestamp_ns,
        sum(sum(change)) OVER (PARTITION BY session_id, rank ORDER BY timestamp_ns) AS phases_number
    FROM number_changes
    GROUP BY session_id, rank, timestamp_ns
),

sample_phases AS (
    SELECT s.file_id, s.line_number, p.phases_number
    FROM all_samples AS s
    ASOF INNER JOIN rank_numbers AS p
        ON s.session_id = p.session_id AND s.rank = p.rank AND s.timestamp_ns >= p.timestamp_ns
),

-- A rank that has entered no phase twice is still warming up.
entry_counts AS (
    SELECT session_id, rank, max(entry_count) AS most_entries
    FROM (
        SELECT session_id, rank, path, count(*) AS entry_count
        FROM stage.phase_boundaries
        WHERE is_enter AND timestamp_ns <= coalesce(CAST($until_ns AS BIGINT), 9223372036854775807)
        GROUP BY session_id, rank, path
    ) AS path_counts
    GROUP BY session_id, rank
),

-- Every sample with the part of the time that it is in, from 0 (first sample) to 1 (the end).
placed_samples AS (
    SELECT
        s.*,
        b.first_ns,
        b.until_ns,
        (s.timestamp_ns - b.first_ns) / greatest(b.until_ns - b.first_ns, 1) AS place,
        coalesce(p.phases_number, 0) = coalesce(last_phase.phases_number, 0) AS is_in_last_phase
    FROM all_samples AS s
    INNER JOIN series_bounds AS b
        ON s.session_id = b.session_id AND s.rank = b.rank AND s.device_id = b.device_id
    INNER JOIN last_samples AS l
        ON s.session_id = l.session_id AND s.rank = l.rank AND s.device_id = l.device_id AND l.preference = 1
    LEFT JOIN sample_phases AS p ON s.file_id = p.file_id AND s.line_number = p.line_number
    LEFT JOIN sample_phases AS last_phase
        ON l.file_id = last_phase.file_id AND l.line_number = last_phase.line_number
),

window_counts AS (
    SELECT
        session_id,
        rank,
        device_id,
        count(*) FILTER (WHERE place BETWEEN 0.125 AND 0.375) >= 3 AS has_window,
        count(*) FILTER (WHERE place BETWEEN 0.125 AND 0.375 AND is_in_last_phase) AS phase_count,
        count(*) FILTER (WHERE place <= 0.5 AND is_in_last_phase) AS half_phase_count
    FROM placed_samples
    GROUP BY session_id, rank, device_id
),

-- The samples that levels are made of: those in the phase of the last sample, where there are enough of them.
compared_samples AS (
    SELECT
        s.*,
        CASE WHEN c.has_window THEN s.place BETWEEN 0.125 AND 0.375 ELSE s.place <= 0.5 END AS is_early
    FROM placed_samples AS s
    INNER JOIN window_counts AS c
        ON s.session_id = c.session_id AND s.rank = c.rank AND s.device_id = c.device_id
    WHERE s.is_in_last_phase OR CASE WHEN c.has_window THEN c.phase_count ELSE c.half_phase_count END < 5
),

-- One row per sample and component. Free memory is turned round, so that its low values count as the high ones do.
component_values AS (
    SELECT
        session_id,
        rank,
        device_id,
        place,
        is_early,
        unnest(['allocated', 'reserved_unused', 'outside_allocator', 'process', 'free']) AS component,
        unnest(
            [allocated_bytes, reserved_unused_bytes, outside_allocator_bytes, process_bytes, -free_bytes]
        ) AS bytes
    FROM compared_samples
),

last_values AS (
    SELECT
        session_id,
        rank,
        device_id,
        unnest(['allocated', 'reserved_unused', 'outside_allocator', 'process', 'free']) AS component,
        unnest(
            [allocated_bytes, reserved_unused_bytes, outside_allocator_bytes, process_bytes, -free_bytes]
        ) AS last_bytes
    FROM last_samples
    WHERE preference = 1
),

component_levels AS (
    SELECT
        v.session_id,
        v.rank,
        v.device_id,
        v.component,
        count(v.bytes) AS value_count,
        quantile_disc(v.bytes, 0.9) FILTER (WHERE v.is_early) AS baseline_bytes,
        quantile_disc(v.bytes, 0.9) FILTER (WHERE v.place >= 0.9 AND v.place < 0.95) AS earlier_end_bytes,
        quantile_disc(v.bytes, 0.9) FILTER (WHERE v.place >= 0.95) AS later_end_bytes
    FROM component_values AS v
    GROUP BY v.session_id, v.rank, v.device_id, v.component
),

component_ends AS (
    SELECT
        c.*,
        l.last_bytes,
        greatest(
            l.last_bytes,
            least(
                coalesce(c.earlier_end_bytes, c.later_end_bytes), coalesce(c.later_end_bytes, c.earlier_end_bytes)
            )
        ) AS end_bytes
    FROM component_levels AS c
    INNER JOIN last_values AS l
        ON c.session_id = l.session_id AND c.rank = l.rank AND c.device_id = l.device_id
        AND c.component = l.component
),

-- The component that grew most; `free` is what is left over, and never a cause.
top_components AS (
    SELECT
        session_id,
        rank,
        device_id,
        -- The name decides between equals, so that all columns are those of one component.
        arg_min(component, (baseline_bytes - end_bytes, component)) AS component,
        max(end_bytes - baseline_bytes) AS growth_bytes,
        arg_min(end_bytes, (baseline_bytes - end_bytes, component)) AS end_bytes,
        -- Few samples make few parts.
        CASE
            WHEN max(value_count) >= 60 THEN 20 ELSE greatest(4, max(value_count) // 3)
        END AS part_count
    FROM component_ends
    WHERE component <> 'free' AND end_bytes - baseline_bytes IS NOT NULL
    GROUP BY session_id, rank, device_id
),

part_levels AS (
    SELECT
        v.session_id,
        v.rank,
        v.device_id,
        least(t.part_count, 1 + CAST(floor((v.place - 0.125) / 0.875 * t.part_count) AS BIGINT)) AS part,
        quantile_disc(v.bytes, 0.9) AS level_bytes
    FROM component_values AS v
    INNER JOIN top_components AS t
        ON v.session_id = t.session_id AND v.rank = t.rank AND v.device_id = t.device_id AND v.component = t.component
    WHERE v.place >= 0.125
    GROUP BY ALL
),

all_parts AS (
    SELECT t.session_id, t.rank, t.device_id, t.part, l.level_bytes
    FROM (
        SELECT session_id, rank, device_id, unnest(range(1, part_count + 1)) AS part FROM top_components
    ) AS t
    LEFT JOIN part_levels AS l
        ON t.session_id = l.session_id AND t.rank = l.rank AND t.device_id = l.device_id AND t.part = l.part
),

level_lists AS (
    SELECT session_id, rank, device_id, list(level_bytes ORDER BY part) AS levels
    FROM all_parts
    GROUP BY session_id, rank, device_id
),

series_levels AS (
    SELECT
        session_id,
        rank,
        device_id,
        map(
            list(component ORDER BY component),
            list(CASE WHEN component = 'free' THEN -baseline_bytes ELSE baseline_bytes END ORDER BY component)
        ) AS baseline,
        map(
            list(component ORDER BY component),
            list(CASE WHEN component = 'free' THEN -end_bytes ELSE end_bytes END ORDER BY component)
        ) AS end_levels
    FROM component_ends
    GROUP BY session_id, rank, device_id
),

-- How far each component of each rank is from the median of all ranks, at the last sample and at the baseline.
fresh_series AS (
    SELECT b.session_id, b.rank, b.device_id
    FROM series_bounds AS b
    INNER JOIN wanted_sessions AS w ON b.session_id = w.session_id AND b.rank = w.rank
    WHERE b.has_samples AND b.until_ns - b.last_ns <= 5 * coalesce(
        w.sampling_interval_ms * 1e6, (b.last_ns - b.first_ns) // greatest(b.sample_count - 1, 1)
    )
),

component_deviations AS (
    SELECT
        c.session_id,
        c.rank,
        c.device_id,
        c.component,
        c.last_bytes - median(c.last_bytes) OVER (PARTITION BY c.component) AS deviation_bytes,
        c.baseline_bytes - median(c.baseline_bytes) OVER (PARTITION BY c.component) AS baseline_deviation_bytes
    FROM component_ends AS c
    INNER JOIN fresh_series AS f
        ON c.session_id = f.session_id AND c.rank = f.rank AND c.device_id = f.device_id
    WHERE c.component <> 'free'
),

series_deviations AS (
    SELECT
        session_id,
        rank,
        device_id,
        -- The name decides between equals, so that all columns are those of one component.
        arg_min(component, (-abs(deviation_bytes), component)) AS deviation_component,
        arg_min(deviation_bytes, (-abs(deviation_bytes), component)) AS deviation_bytes,
        arg_min(coalesce(baseline_deviation_bytes, 0), (-abs(deviation_bytes), component)) AS baseline_deviation_bytes
    FROM component_deviations
    WHERE deviation_bytes IS NOT NULL
    GROUP BY session_id, rank, device_id
)

SELECT
    b.session_id,
    b.rank,
    b.device_id,
    l.host,
    l.timestamp_ns,
    l.total_bytes,
    l.used_bytes,
    l.allocated_bytes,
    l.reserved_unused_bytes,
    l.outside_allocator_bytes,
    l.process_bytes,
    l.free_bytes,
    l.unexplained_bytes,
    b.sample_count,
    b.has_samples,
    b.largest_used_bytes,
    CAST(0.05 * coalesce(l.total_bytes, b.largest_used_bytes) AS DOUBLE) AS threshold_bytes,
    b.sample_count < 3 OR coalesce(e.most_entries < 2, false) AS is_warming_up,
    CAST(to_json(v.baseline) AS VARCHAR) AS baseline,
    CAST(to_json(v.end_levels) AS VARCHAR) AS end_levels,
    t.component AS top_component,
    t.growth_bytes,
    CASE
        WHEN b.sample_count >= 8
            THEN telemetry.growth_pattern(
                list_append(p.levels, t.end_bytes), 0.05 * coalesce(l.total_bytes, b.largest_used_bytes)
            )
    END AS pattern,
    f.session_id IS NOT NULL AS is_fresh,
    d.deviation_component,
    CAST(d.deviation_bytes AS BIGINT) AS deviation_bytes,
    CAST(d.baseline_deviation_bytes AS BIGINT) AS baseline_deviation_bytes
FROM series_bounds AS b
INNER JOIN last_samples AS l
    ON b.session_id = l.session_id AND b.rank = l.rank AND b.device_id = l.device_id AND l.preference = 1
LEFT JOIN entry_counts AS e ON b.session_id = e.session_id AND b.rank = e.rank
LEFT JOIN series_levels AS v ON b.session_id = v.session_id AND b.rank = v.rank AND b.device_id = v.device_id
LEFT JOIN top_components AS t ON b.session_id = t.session_id AND b.rank = t.rank AND b.device_id = t.device_id
LEFT JOIN level_lists AS p ON b.session_id = p.session_id AND b.rank = p.rank AND b.device_id = p.device_id
LEFT JOIN fresh_series AS f ON b.session_id = f.session_id AND b.rank = f.rank AND b.device_id = f.device_id
LEFT JOIN series_deviations AS d ON b.session_id = d.session_id AND b.rank = d.rank AND b.device_id = d.device_id
ORDER BY b.rank, b.session_id, b.device_id
