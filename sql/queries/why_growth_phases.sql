-- By how much memory grew in each phase of a session and rank, its inner phases included: the largest changes first.
--
-- $session_id, $rank, $device_id: the series. $until_ns: up to this time. $component: the part of its memory.
--
-- Only the time from the middle of the baseline on counts, see `memory_levels`. Without a device, memory in use is taken
-- whatever the part: collectors ask the C library less often than they record phases.
-- Nothing is told where several threads had phases, for what one of them allocates would count for each, and where
-- some boundary has no number, for what happened before it would be left out.
WITH boundaries AS (
    SELECT
        p.thread_id,
        p.is_enter,
        CASE WHEN p.is_enter THEN p.path ELSE list_slice(p.path, 1, len(p.path) - 1) END AS path,
        p.timestamp_ns,
        p.file_id,
        p.line_number,
        CASE
            WHEN e.device_id < 0 OR $component = 'process' THEN e.device_used_bytes
            WHEN $component = 'allocated' THEN e.allocator_allocated_bytes
            WHEN $component = 'reserved_unused' THEN e.allocator_reserved_bytes - e.allocator_allocated_bytes
            ELSE e.device_used_bytes - e.allocator_reserved_bytes
        END AS bytes
    FROM stage.phase_boundaries AS p
    INNER JOIN raw.events AS e ON p.file_id = e.file_id AND p.line_number = e.line_number
    WHERE p.session_id = $session_id AND p.rank = $rank AND e.device_id = $device_id
        AND p.timestamp_ns <= CAST($until_ns AS BIGINT)
),

-- What happened from one boundary to the next is of the phase that the thread was in then.
intervals AS (
    SELECT
        path,
        is_enter,
        lead(bytes) OVER (ORDER BY timestamp_ns, file_id, line_number) - bytes AS growth_bytes
    FROM boundaries
    WHERE (SELECT count(DISTINCT thread_id) = 1 AND count(bytes) = count(*) FROM boundaries)
        AND timestamp_ns >= (
            SELECT min(timestamp_ns) + (CAST($until_ns AS BIGINT) - min(timestamp_ns)) // 4 FROM boundaries
        )
),

outer_phases AS (
    SELECT
        list_slice(path, 1, depth) AS path,
        growth_bytes,
        is_enter AND depth = len(path) AS is_entry
    FROM (SELECT *, unnest(range(len(path) + 1)) AS depth FROM intervals)
)

SELECT
    path,
    CAST(sum(growth_bytes) AS BIGINT) AS growth_bytes,
    count(*) FILTER (WHERE is_entry) AS entry_count
FROM outer_phases
GROUP BY path
HAVING sum(growth_bytes) <> 0
ORDER BY abs(sum(growth_bytes)) DESC, path
LIMIT 1000
