-- How far the clocks of the hosts of an attempt seem to be apart, in nanoseconds; NULL where that cannot be told.
--
-- Ranks enter the same phase for the n-th time at about the same moment. The ranks of a host give its time of an entry;
-- hosts are compared over all entries that several of them made. With fewer than 10 of these, or if the ranks of one
-- host do not agree within 0.3 seconds, nothing is told.
-- $run_id, $attempt: the attempt.
WITH entries AS (
    SELECT
        s.host,
        b.session_id,
        b.rank,
        b.path,
        b.timestamp_ns,
        row_number() OVER (PARTITION BY b.session_id, b.rank, b.path ORDER BY b.timestamp_ns, b.sequence) AS entry_number
    FROM stage.phase_boundaries AS b
    INNER JOIN run_sessions AS s ON b.session_id = s.session_id AND b.rank = s.rank
    WHERE s.run_id = $run_id AND s.attempt = $attempt AND b.is_enter AND s.host IS NOT NULL
),

host_entries AS (
    SELECT
        host,
        path,
        entry_number,
        median(timestamp_ns - (SELECT min(timestamp_ns) FROM entries)) AS time_ns,
        max(timestamp_ns) - min(timestamp_ns) AS spread_ns
    FROM entries
    GROUP BY host, path, entry_number
),

shared_entries AS (
    SELECT
        *,
        time_ns - median(time_ns) OVER (PARTITION BY path, entry_number) AS offset_ns,
        count(*) OVER (PARTITION BY path, entry_number) AS host_count
    FROM host_entries
),

host_offsets AS (
    SELECT host, median(offset_ns) AS offset_ns, median(spread_ns) AS spread_ns, count(*) AS entry_count
    FROM shared_entries
    WHERE host_count > 1
    GROUP BY host
)

SELECT
    CASE
        WHEN count(*) > 1 AND min(entry_count) >= 10 AND max(spread_ns) <= 300000000
            THEN CAST(max(offset_ns) - min(offset_ns) AS BIGINT)
    END AS clock_spread_ns
FROM host_offsets
